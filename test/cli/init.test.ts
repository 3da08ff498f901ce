import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { registerInit } from "../../cli/init.ts";
import { INIT_VARIABLES } from "../../cli/init-settings.ts";
import { loadSettings } from "../../config/load.ts";
import { wecomApps } from "../../config/wecom-apps.ts";
import { customerEnvironment as env } from "../config/environment.ts";
import { createWorkspace } from "../config/workspace.ts";
import { createIo } from "./captured-io.ts";

const run = async (cwd: string, ...words: string[]) => {
  const { io, out, err } = createIo(cwd);
  const codes: number[] = [];
  const program = new Command().exitOverride();
  registerInit(program, io, (code) => codes.push(code));
  await program.parseAsync(["init", ...words], { from: "user" });
  return { codes, out: out(), err: err() };
};

describe("init", () => {
  it("writes settings that load as they are, for the owner only", async () => {
    const cwd = createWorkspace();
    const { codes, out } = await run(cwd);
    expect(codes).toEqual([0]);
    expect(statSync(join(cwd, "settings.json")).mode & 0o777).toBe(0o600);
    const { settings, warnings, notEnforced } = loadSettings({ env, cwd });
    expect(wecomApps(settings)).toMatchObject([{ corp_id: "wwcorp", agent_id: "1000002" }]);
    expect([warnings, notEnforced]).toEqual([[], []]);
    expect(out).toContain(`written: ${cwd}/settings.json`);
    expect(out).toContain("npx clawgate config check");
  });

  it("names every variable that the file reads", async () => {
    const cwd = createWorkspace();
    const { out } = await run(cwd);
    const text = readFileSync(join(cwd, "settings.json"), "utf8");
    const read = new Set([...text.matchAll(/"\$\{([A-Z_]+)\}"/g)].map(([, name]) => name));
    expect([...read].sort()).toEqual(INIT_VARIABLES.map(({ name }) => name).sort());
    for (const name of read) expect(out).toContain(`export ${name}=`);
  });

  it("says that the demo's data lie where these settings keep theirs", async () => {
    const cwd = createWorkspace({ "data/demo.json": "{}" });
    expect((await run(cwd)).out).toContain(`note: ${cwd}/data holds what the demo stored`);
    expect((await run(createWorkspace())).out).not.toContain("demo");
  });

  it("leaves an existing file alone without --force", async () => {
    const cwd = createWorkspace({ "settings.json": "mine" });
    const { codes, err } = await run(cwd);
    expect(codes).toEqual([2]);
    expect(err).toContain("--force overwrites it");
    expect(readFileSync(join(cwd, "settings.json"), "utf8")).toBe("mine");
  });

  it("overwrites with --force and takes the file away from others", async () => {
    const cwd = createWorkspace({ "settings.json": "mine" });
    chmodSync(join(cwd, "settings.json"), 0o644);
    expect((await run(cwd, "--force")).codes).toEqual([0]);
    expect(readFileSync(join(cwd, "settings.json"), "utf8")).toContain("wechat_work");
    expect(statSync(join(cwd, "settings.json")).mode & 0o777).toBe(0o600);
  });

  it("writes elsewhere with --out, and says so when it cannot", async () => {
    const cwd = createWorkspace({ "etc/keep": "" });
    expect((await run(cwd, "--out", "etc/claw.json")).codes).toEqual([0]);
    expect(loadSettings({ path: "etc/claw.json", env, cwd }).isDemo).toBe(false);
    const { codes, err } = await run(cwd, "--out", "no/such/folder.json");
    expect(codes).toEqual([2]);
    expect(err).toContain("could not be written (ENOENT)");
  });
});
