import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { registerAudit } from "../../cli/audit.ts";
import { startAuditWitness } from "../../cli/audit-witness.ts";
import { loadSettings } from "../../config/load.ts";
import { createAuditLog } from "../../core/audit-log.ts";
import { openStore } from "../../core/store/open-store.ts";
import { openSqlite } from "../../core/store/sqlite.ts";
import type { Store } from "../../core/store/store.ts";
import { recordOf } from "../core/audit/audited.ts";
import { cipherOn } from "../fakes/cipher.ts";
import { recordedLog } from "../fakes/log.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { runVerb } from "./run-verb.ts";

const folder = temporaryFolder();
const run = (...words: readonly string[]) =>
  runVerb(registerAudit, folder.path, ["audit", ...words, "--settings", "settings.json"]);
const json = async (...words: readonly string[]) => {
  const { code, out } = await run("verify", "--json", ...words);
  return { code, ...JSON.parse(out) };
};
const data = () => join(folder.path, "data");

describe("clawgate audit", () => {
  let store: Store;
  beforeEach(async () => {
    writeFileSync(
      join(folder.path, "settings.json"),
      JSON.stringify({
        storage: { url: "file:./data" },
        multi_tenant: {
          enabled: true,
          tenants: [{ id: "sales", name: "Sales", time_zone: "Asia/Taipei" }],
        },
      }),
    );
    const { url } = loadSettings({
      ...{ path: "settings.json", env: {}, cwd: folder.path },
    }).settings.storage;
    store = await openStore({ url });
  });
  afterEach(() => store.close());

  /** Records as a gateway writes them that then ends in order. */
  const gateway = async (count: number): Promise<void> => {
    const loaded = loadSettings({ path: "settings.json", env: {}, cwd: folder.path });
    const cipher = await cipherOn(store, data());
    const auditLog = createAuditLog(store, cipher);
    const now = () => new Date();
    const log = recordedLog();
    const witness = startAuditWitness(loaded, {
      ...{ store, cipher, auditLog, log, now, isAlone: true },
    });
    for (let index = 0; index < count; index++) {
      const at = new Date(Date.parse("2026-03-01T15:00:00Z") + index * 3_600_000);
      await auditLog.record(recordOf("sales", index, at, index % 4 === 3 ? "cli" : undefined));
    }
    await witness.stop();
    expect(log.lines).toEqual([]);
  };
  const damage = (text: string): void => {
    const database = openSqlite(join(data(), "clawgate.db"));
    database.prepare("DROP TRIGGER IF EXISTS audit_refuses_update").run([]);
    database.prepare("DROP TRIGGER IF EXISTS audit_refuses_delete").run([]);
    database.prepare(text).run([]);
    database.close();
  };

  it("attack: a clock that leaps ahead has no record removed; what is old goes once it runs evenly", async () => {
    const loaded = loadSettings({ path: "settings.json", env: {}, cwd: folder.path });
    const { settings } = loaded;
    const storage = { ...settings.storage, audit_retention_days: 200 };
    const cipher = await cipherOn(store, data());
    const auditLog = createAuditLog(store, cipher);
    const [day, hour] = [86_400_000, 3_600_000];
    let [wall, elapsed] = [Date.now(), 0];
    const pass = (ms: number, leapMs = 0) => {
      elapsed += ms;
      wall += ms + leapMs;
    };
    for (const [index, age] of [300, 190, 0].entries()) {
      await auditLog.record(recordOf("sales", index, new Date(wall - age * day), "cli"));
    }
    const witness = startAuditWitness(
      { ...loaded, settings: { ...settings, storage } },
      {
        ...{ store, cipher, auditLog, log: recordedLog(), isAlone: true },
        ...{ now: () => new Date(wall), elapsedMs: () => elapsed },
      },
    );
    const kept = async () => {
      await witness.write();
      const { out } = await run("export", "--tenant", "sales", "--action", "queue.show");
      return out.trim().split("\n").length;
    };
    await witness.write();
    pass(hour, 100 * day);
    expect(await kept()).toBe(3);
    pass(hour / 2, -100 * day);
    expect(await kept()).toBe(3);
    pass(hour);
    expect(await kept()).toBe(2);
    await witness.stop();
  });

  it("finds a whole log whole, with the gateway's own checkpoints", async () => {
    await gateway(6);
    expect(await run("verify")).toMatchObject({
      code: 0,
      out: "whole sales: 6 records, 1 checkpoints agree\n",
    });
    expect(await json()).toEqual({
      ...{ code: 0, ok: true, checkpoint_problems: [] },
      chains: [
        {
          tenant: "sales",
          ok: true,
          records: 6,
          newest: 6,
          cut: 0,
          checkpoints: 1,
          sworn_to: 6,
          problem: null,
        },
      ],
    });
  });

  it("names the first bad place and ends with 1", async () => {
    await gateway(6);
    damage("UPDATE audit SET code = 'NO' WHERE seq IN (3, 5)");
    const { code, out } = await run("verify", "--tenant", "sales");
    expect([code, out]).toEqual([1, "BAD   sales: record 3 is not what was written [CHANGED]\n"]);
    expect(await json()).toMatchObject({
      ...{
        code: 1,
        ok: false,
        chains: [{ tenant: "sales", problem: { seq: 3, code: "CHANGED" } }],
      },
    });
  });

  it("attack: an older database that was put back is found with the checkpoints that were kept elsewhere", async () => {
    await gateway(3);
    const older = join(folder.path, "older.db");
    damage(`VACUUM INTO '${older}'`);
    await gateway(2);
    const kept = join(folder.path, "kept.jsonl");
    writeFileSync(kept, readFileSync(join(data(), "audit-checkpoints.jsonl")));
    const pem = join(folder.path, "public.pem");
    writeFileSync(pem, (await run("public-key")).out);
    await store.close();
    // What an attacker can reach: the database, the checkpoints and the key beside it.
    for (const end of ["", "-wal", "-shm"])
      rmSync(join(data(), `clawgate.db${end}`), { force: true });
    copyFileSync(older, join(data(), "clawgate.db"));
    writeFileSync(join(data(), "audit-checkpoints.jsonl"), "");
    store = await openStore({ url: `file:${data()}` });
    expect(await run("verify")).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^whole sales: 3 records, 0 checkpoints agree, nothing vouches for those after 0\nnote: without checkpoints/,
      ),
    });
    const { code, chains } = await json(
      "--checkpoints",
      "kept.jsonl",
      "--public-key",
      "public.pem",
    );
    expect([code, chains[0].problem]).toMatchObject([1, { seq: 4, code: "ROLLED_BACK" }]);
  });

  it("keeps the signing key to its owner and prints the public half", async () => {
    const { code, out } = await run("public-key");
    expect([code, out]).toEqual([0, expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n/)]);
    expect(statSync(join(data(), "audit-signing.key")).mode & 0o777).toBe(0o600);
    expect((await run("public-key")).out).toBe(out);
  });

  it("exports a tenant's log by days of its own time zone, and puts that on record", async () => {
    await gateway(4);
    const { code, out } = await run("export", "--tenant", "sales", "--from", "2026-03-02");
    const records = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    // From 16:00 UTC on it is the second of March in Taipei.
    expect([code, records.map(({ seq }) => seq)]).toEqual([0, [2, 3, 4]]);
    expect(records[0]).toMatchObject({ actor: "wei1", message: "m1", detail: { index: 1 } });
    const csv = await run(
      "export",
      "--tenant",
      "sales",
      "--format",
      "csv",
      "--action",
      "audit.export",
    );
    expect(csv.out.split("\r\n")[1]).toMatch(/^5,[^,]+,sales,cli,audit.export,log,allowed,OK,/);
  });

  it.each([
    [["export", "--tenant", "sales", "--to", "soon"], /--to: must be a day/],
    [
      ["export", "--tenant", "sales", "--from", "2026-03-02", "--to", "2026-03-01"],
      /--from: must be before --to/,
    ],
    [["verify", "--checkpoints", "nowhere.jsonl"], /there is no file/],
    [["verify", "--checkpoints", "."], /there is no file/],
    [["verify", "--public-key", "nowhere.pem"], /cannot read nowhere.pem/],
    [["verify", "--public-key", "settings.json"], /no public key in PEM form; `clawgate audit/],
  ])("says what is wrong with %j", async (words, message) => {
    await expect(run(...words)).rejects.toThrow(message);
  });

  it("does not call the log of a tenant that was mistyped whole, and gives it none", async () => {
    for (const verb of ["export", "verify"]) {
      expect(await run(verb, "--tenant", "salse")).toEqual({
        code: 1,
        out: "",
        err: expect.stringMatching(/no tenant "salse"; it has: sales/),
      });
    }
    expect((await run("verify")).out).not.toContain("salse");
  });

  it("attack: a tenant is taken out of the store and the settings: its checkpoints still ask for it", async () => {
    await gateway(3);
    damage("DROP TRIGGER IF EXISTS audit_heads_refuse_delete");
    damage("DELETE FROM audit");
    damage("DELETE FROM audit_heads");
    writeFileSync(join(folder.path, "settings.json"), '{"storage":{"url":"file:./data"}}');
    const { code, out } = await run("verify", "--tenant", "sales");
    expect([code, out]).toEqual([1, expect.stringMatching(/^BAD {3}sales: .*ROLLED_BACK/)]);
  });
});
