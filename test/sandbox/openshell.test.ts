import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openTestSandbox, SETTINGS } from "./sandbox-fixture.ts";

const isOnPath = ["/usr/local/bin/runsc", "/usr/bin/runsc"].some((path) => existsSync(path));
const isRoot = process.getuid?.() === 0;

describe("a sandbox that cannot be had", () => {
  const refuses = async (
    isolation: string,
    options: Parameters<typeof openTestSandbox>[1] = {},
  ): Promise<string> => {
    const { sandbox, run, close } = openTestSandbox(isolation, options);
    try {
      const status = await sandbox.status();
      const result = await run("bash", "true");
      expect(result).toMatchObject({ verdict: "blocked", reason: "unavailable" });
      return status.ok ? "" : status.reason;
    } finally {
      await close();
    }
  };

  it("runs nothing and never falls back to another engine", async () => {
    expect(await refuses("firecracker")).toMatch(/firecracker: .* is missing/);
    expect(await refuses("none")).toContain("isolation none has no driver");
  });

  it.each(["relative", "/a/../b", "/", "/usr/lib", "/proc", "/dev/x", "/etc", "/run", "/a\0b"])(
    "refuses %j as a path of the settings",
    async (path) => {
      const filesystem = { ...SETTINGS.filesystem, allowed_paths: [path] };
      expect(await refuses("gvisor", { filesystem })).toContain("openshell.filesystem");
    },
  );

  it("refuses settings in which a writable path covers a read-only one", async () => {
    const filesystem = { ...SETTINGS.filesystem, allowed_paths: ["/app/data"] };
    expect(await refuses("gvisor", { filesystem })).toContain("overlap");
  });

  it.runIf(isRoot && !isOnPath)("says what is wrong with an engine that is not there", async () => {
    const reason = await refuses("gvisor", { enginesFolder: "/nonexistent" });
    expect(reason).toContain("runsc is not installed");
  });
});

describe.skipIf(!isRoot)("closing", () => {
  it("ends what runs, and refuses what comes later", async ({ skip }) => {
    const { sandbox, run, close } = openTestSandbox("auto");
    const status = await sandbox.status();
    if (!status.ok && process.env.CI !== "true") skip(`no sandbox: ${status.reason}`);
    expect(status.ok).toBe(true);
    const pending = run("bash", "sleep 60");
    await close();
    expect(await pending).toMatchObject({ verdict: "killed", reason: "aborted" });
    expect(await run("bash", "true")).toMatchObject({ verdict: "killed", reason: "aborted" });
    await close(); // a second time is harmless
  });
});
