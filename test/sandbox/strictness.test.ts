import { describe, expect, it } from "vitest";
import { askedInVain, strictProblem } from "../../sandbox/strictness.ts";
import { SETTINGS } from "./sandbox-fixture.ts";

const settings = {
  ...SETTINGS,
  isolation: "auto",
  network: { mode: "whitelist", allowed_domains: ["a.example"], blocked_ports: [] },
  audit: { log_all_commands: true, log_file_access: false },
} as const;

describe("what an engine cannot hold", () => {
  it("matters where the settings ask for it", () => {
    const paths = [
      "openshell.execution.max_memory_mb",
      "openshell.execution.blocked_commands",
      "openshell.network.allowed_domains",
      "openshell.network.blocked_ports",
      "openshell.audit.log_all_commands",
      "openshell.audit.log_file_access",
    ];
    expect(askedInVain(settings, paths)).toEqual([
      "openshell.execution.max_memory_mb",
      "openshell.network.allowed_domains",
      "openshell.audit.log_all_commands",
    ]);
    expect(
      askedInVain({ ...settings, network: { ...settings.network, mode: "off" } }, paths),
    ).not.toContain("openshell.network.allowed_domains");
  });

  it("refuses the engine under strict settings, with the list", () => {
    const paths = ["openshell.execution.max_memory_mb", "openshell.filesystem.max_size_gb"];
    const problem = strictProblem(settings, paths);
    for (const path of paths) expect(problem).toContain(path);
    expect(strictProblem({ ...settings, strict: false }, paths)).toBeUndefined();
    expect(strictProblem(settings, [])).toBeUndefined();
  });

  it("never refuses for a thinner record, and always for what it does not know", () => {
    expect(strictProblem(settings, ["openshell.audit.log_all_commands"])).toBeUndefined();
    expect(strictProblem(settings, ["something.else"])).toContain("something.else");
  });
});
