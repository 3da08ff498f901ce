import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { readCheckpoints } from "../../../core/audit/checkpoint-file.ts";
import { createAuditReader } from "../../../core/audit/read-log.ts";
import { removeOldRecords } from "../../../core/audit/retention.ts";
import { verifyingKey } from "../../../core/audit/signing-key.ts";
import { verifyChain } from "../../../core/audit/verify.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type Audited, audited, behindItsBack } from "./audited.ts";

const folder = temporaryFolder();
const DAY_MS = 24 * 60 * 60_000;
const ago = (days: number) => new Date(Date.now() - days * DAY_MS);

describeStores("what is old in the audit log", (world) => {
  let at: Audited;
  let file: string;
  beforeEach(async () => {
    at = await audited(world, folder.path);
    file = join(folder.path, `${world.dialect}.jsonl`);
  });
  const remove = (days = 200, auditLog = at.auditLog) =>
    removeOldRecords({
      ...{ store: world.store, auditLog, key: () => at.key, file, days },
      now: () => new Date(),
    });

  it("is removed from the beginning of its chain, which stays whole, and that is on record", async () => {
    await at.fill("sales", 700, ago(300));
    await at.fill("sales", 5, ago(190));
    await at.fill("legal", 3, ago(190));
    await remove();
    const { audit } = await at.dump("sales");
    expect(audit.map(({ seq }) => Number(seq))).toEqual([701, 702, 703, 704, 705, 706]);
    expect(audit.at(-1)).toMatchObject({ action: "audit.cut", detail: '{"up_to":700}' });
    expect((await at.dump("legal")).audit).toHaveLength(3);
    const keys = [verifyingKey(at.key.publicPem, "the test")];
    const { of, problems } = await readCheckpoints(file, keys);
    expect([problems, of.get("sales")]).toMatchObject([[], [{ kind: "cut", seq: 700 }]]);
    expect(await at.verify("sales", of.get("sales"))).toEqual({
      ...{ tenantId: "sales", records: 6, newest: 706, cut: 700, checkpoints: 1 },
    });
    // Nothing more to do, so nothing is said.
    await remove();
    expect((await at.dump("sales")).audit).toHaveLength(6);
    const reader = createAuditReader({ ...at, store: world.store, now: () => new Date() });
    const page = await reader.page("cli", tenantScope("sales"), { from: ago(400), limit: 3 });
    expect(page.entries.map(({ seq }) => seq)).toEqual([701, 702, 703]);
  });

  it("goes on with what was cut off in the middle", async () => {
    await at.fill("sales", 6, ago(300));
    await at.fill("sales", 1, ago(1));
    const rows = await at.dump("sales");
    await remove();
    const cut = await at.dump("sales");
    // As if the process had died between the cut and the removal of half of it.
    await at.restore("sales", { ...cut, audit: [...rows.audit.slice(3, 6), ...cut.audit] });
    expect((await at.verify("sales")).problem).toBeUndefined();
    await remove();
    expect((await at.dump("sales")).audit.map(({ seq }) => Number(seq))).toEqual([7, 8]);
  });

  it("attack: records younger than 180 days cannot be removed, whatever the days that are asked for", async () => {
    await at.fill("sales", 4, ago(170));
    await expect(remove(100)).rejects.toThrow(/kept for 180 days/);
    expect((await at.dump("sales")).audit).toHaveLength(4);
    expect((await at.verify("sales")).problem).toBeUndefined();
  });

  it("attack: a cut that nobody signed, or that was signed with another key, is found", async () => {
    await at.fill("sales", 6, ago(300));
    await at.fill("sales", 1, ago(1));
    await remove();
    const none = { keys: [], checkpoints: [] };
    expect((await verifyChain(world.store, "sales", none)).problem).toMatchObject({
      ...{ code: "BAD_CUT", message: expect.stringContaining("--public-key") },
    });
    await behindItsBack(world, [
      `UPDATE audit_heads SET cut_seq = 7, cut_hash = (SELECT hash FROM audit WHERE seq = 7)`,
      "DELETE FROM audit WHERE seq = 7",
    ]);
    expect((await at.verify("sales")).problem).toMatchObject({ seq: 7, code: "BAD_CUT" });
  });

  it("is kept when the cut cannot be sworn to first", async () => {
    await at.fill("sales", 4, ago(300));
    file = join(folder.path, "nowhere", "at.jsonl");
    await expect(remove()).rejects.toThrow("ENOENT");
    expect((await at.dump("sales")).audit).toHaveLength(4);
    expect(existsSync(file)).toBe(false);
  });

  it("leaves nobody's name in the file of checkpoints", async () => {
    await at.fill("sales", 4, ago(300));
    await remove();
    expect(readFileSync(file, "utf8")).not.toMatch(/wei|cli/);
  });
});
