import { describe, expect, it } from "vitest";
import { sandboxWords } from "../../cli/sandbox-words.ts";
import type { SandboxStatus, Strength } from "../../sandbox/driver.ts";

const passed = (strength: Partial<Strength>): SandboxStatus => ({
  ok: true,
  engine: "bubblewrap",
  version: "0.8",
  isolation: "bubblewrap 0.8, namespaces and seccomp",
  strength: {
    wall: "namespaces and system call filter",
    unenforced: [],
    sees: ["exec", "open", "connect"],
    ...strength,
  },
});
const audit = { log_all_commands: true };

describe("what start and doctor say of the sandbox", () => {
  it("is one line where it holds and sees everything", () => {
    expect(sandboxWords(passed({}), { audit })).toEqual(["bubblewrap 0.8, namespaces and seccomp"]);
  });

  it("names what is not held", () => {
    const [, line] = sandboxWords(passed({ unenforced: ["openshell.execution.max_memory_mb"] }), {
      audit,
    });
    expect(line).toContain("cannot hold openshell.execution.max_memory_mb");
  });

  it("says what the record lacks, where there is to be one", () => {
    expect(sandboxWords(passed({ sees: [] }), { audit })[1]).toContain("record of runs is partial");
    expect(sandboxWords(passed({ sees: ["exec"] }), { audit })).toHaveLength(1);
    expect(sandboxWords(passed({ sees: [] }), {})).toHaveLength(1);
  });

  it("says why there is none", () => {
    expect(sandboxWords({ ok: false, reason: "no runsc" }, {})).toEqual([
      "NONE, skills are off: no runsc",
    ]);
  });
});
