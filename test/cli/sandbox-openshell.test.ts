import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { registerSandbox } from "../../cli/sandbox.ts";
import { type FakeOpenshell, installFakeOpenshell } from "../fakes/openshell-cli/install.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { runVerb } from "./run-verb.ts";

const folder = temporaryFolder();
let home: string;
let fake: FakeOpenshell;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "clawgate-os-"));
  fake = installFakeOpenshell(home);
  vi.stubEnv("HOME", home); // where the CLI keeps its gateways
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

const write = (name: string, value: object) =>
  writeFileSync(join(folder.path, name), JSON.stringify(value));

const run = async (config: object, request: object) => {
  write("c.json", { isolation: "openshell", ...config });
  write("r.json", { tenant: "acme", run_id: "r1", language: "bash", ...request });
  const words = ["sandbox", "run", "--config", "c.json", "--request", "r.json"];
  const ran = await runVerb(registerSandbox, folder.path, [...words, "--result", "f.json"]);
  const file = join(folder.path, "f.json");
  return { ...ran, result: existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined };
};

describe.skipIf(process.getuid?.() !== 0)("clawgate sandbox with an OpenShell gateway", () => {
  it("runs a job there, with the user's own CLI settings, and leaves no sandbox behind", async () => {
    const { gateway } = fake.options;
    const { code, err, result } = await run(
      { strict: false, gateway: { ...gateway, name: "production" } },
      { source: "mkdir out; echo made >out/file; echo done; exit 3", outputs: "out" },
    );
    expect([code, err]).toEqual([0, ""]);
    expect(result).toMatchObject({
      ...{ verdict: "error", reason: null, exit: 3 },
      stdout: Buffer.from("done\n").toString("base64"),
      outputs: [{ path: "out/file", bytes: Buffer.from("made\n").toString("base64") }],
      isolation: expect.stringMatching(/^openshell: NVIDIA OpenShell \d/),
    });
    expect(fake.gateways()).toEqual(["production"]);
    expect(fake.calls()).toContainEqual(expect.arrayContaining(["--from", gateway.image]));
    expect(fake.sandboxes()).toEqual([]);
  });

  it("runs nothing under strict settings, and says all that the engine cannot hold", async () => {
    const { code, err, result } = await run({ gateway: fake.options.gateway }, { source: "true" });
    expect([code, result]).toEqual([1, undefined]);
    for (const limit of ["max_size_gb", "max_cpu_seconds", "max_memory_mb", "readonly_paths"]) {
      expect(err).toMatch(new RegExp(`cannot hold .*${limit}`));
    }
    expect(err).toMatch(/cannot hold .*limits\.pids/);
    expect(fake.sandboxes()).toEqual([]);
  });

  it("runs nothing without a gateway, and says which key to add", async () => {
    const { code, err, result } = await run({ strict: false }, { source: "true" });
    expect([code, result]).toEqual([1, undefined]);
    expect(err).toMatch(/nothing was run: .*add openshell\.gateway, e\.g\. \{"image"/);
  });

  it("tells what it found when it is probed", async () => {
    const openshell = { isolation: "openshell", strict: false, gateway: fake.options.gateway };
    write("settings.json", { openshell });
    const words = ["sandbox", "probe", "--json"];
    const { code, out } = await runVerb(registerSandbox, folder.path, words);
    expect([code, JSON.parse(out).uses]).toEqual([0, "openshell"]);
    const found = JSON.parse(out).engines.find(
      ({ engine }: { engine: string }) => engine === "openshell",
    );
    expect(found.strength.unenforced).toContain("limits.pids");
  });
});

describe("the settings of an OpenShell gateway", () => {
  it.each([
    ["no image", {}, /gateway\.image/],
    ["an unknown key", { image: "i", registry: "r" }, /gateway\.registry/],
    ["a program that is searched for", { image: "i", program: "openshell" }, /gateway\.program/],
  ])("are refused with %s", async (_, gateway, said) => {
    await expect(run({ strict: false, gateway }, { source: "true" })).rejects.toThrow(said);
  });
});
