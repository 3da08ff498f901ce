import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createReload } from "../../cli/reload.ts";
import { type LoadedSettings, loadSettings } from "../../config/load.ts";
import { recordedLog } from "../fakes/log.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";

const folder = temporaryFolder();

const setUp = () => {
  const path = join(folder.path, "settings.json");
  const write = (text: string) => writeFileSync(path, text);
  write(JSON.stringify({ server: { port: 1000 } }));
  const load = (path?: string) => loadSettings({ path, env: {}, cwd: folder.path });
  const applied: LoadedSettings[] = [];
  const log = recordedLog();
  const apply = async (loaded: LoadedSettings) => {
    applied.push(loaded);
  };
  const remove = () => rmSync(path);
  return {
    write,
    remove,
    applied,
    log,
    reload: createReload({ current: load(), load, apply, log }),
  };
};

describe("a change of the settings file", () => {
  it("is taken over while the gateway runs", async () => {
    const { write, applied, reload } = setUp();
    write(JSON.stringify({ multi_tenant: { tenants: [{ id: "new" }] } }));
    await reload();
    expect(applied.map(({ settings }) => settings.multi_tenant.tenants[0]?.id)).toEqual(["new"]);
  });

  it("to something unusable leaves the last good settings in force and names every problem", async () => {
    const { write, applied, log, reload } = setUp();
    write(JSON.stringify({ server: { port: "x" }, nonsense: 1 }));
    await reload();
    expect(applied).toEqual([]);
    expect(log.lines).toMatchObject([
      {
        level: "error",
        fields: {
          problems: [expect.stringContaining("server.port"), expect.stringContaining("nonsense")],
        },
      },
    ]);
  });

  it("that takes the file away does not bring the demo in its place", async () => {
    const { remove, applied, log, reload } = setUp();
    remove();
    await reload();
    expect(applied).toEqual([]);
    expect(log.lines).toMatchObject([
      { level: "error", fields: { problems: [expect.stringContaining("no such file")] } },
    ]);
  });

  it("that needs a restart is named as such", async () => {
    const { write, log, reload } = setUp();
    write(
      JSON.stringify({
        server: { port: 2000 },
        enterprise: { encryption: { in_transit: { tls_version: "1.2" } } },
      }),
    );
    await reload();
    expect(log.lines).toMatchObject([{ fields: { atRestart: ["server", "enterprise"] } }]);
  });

  it("that comes while one is taken over is not missed", async () => {
    const { write, applied, reload } = setUp();
    write("{}");
    const first = reload();
    write(JSON.stringify({ multi_tenant: { tenants: [{ id: "late" }] } }));
    await Promise.all([first, reload()]);
    expect(applied.at(-1)?.settings.multi_tenant.tenants[0]?.id).toBe("late");
  });
});
