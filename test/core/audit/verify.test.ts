import fc from "fast-check";
import { beforeEach, expect, it } from "vitest";
import { type AuditRow, digestOf, linkAfter, NO_HEAD } from "../../../core/audit/chain.ts";
import { createAuditReader } from "../../../core/audit/read-log.ts";
import { chainedTenants } from "../../../core/audit/verify.ts";
import type { AuditLog } from "../../../core/audit-log.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type Audited, audited, behindItsBack, type Dump, otherLog, recordOf } from "./audited.ts";

const folder = temporaryFolder();
const COUNT = 12;
type Row = Dump["audit"][number];

const flipped = (value: unknown, at: number): unknown => {
  if (value === null) return "x";
  if (typeof value === "number") return value + 1 + (at % 5);
  if (typeof value === "string") {
    const place = at % (value.length + 1);
    const other = value[place] === "a" ? "b" : "a";
    return value.slice(0, place) + other + value.slice(place + 1);
  }
  const bytes = Buffer.from(value as Uint8Array);
  const place = at % Math.max(1, bytes.length);
  bytes[place] = (bytes[place] ?? 0) ^ (1 << (at % 8));
  return bytes.length === 0 ? Buffer.of(1) : bytes;
};

const row = fc.nat({ max: COUNT - 1 });
const mutation = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), row, column: fc.nat(), at: fc.nat() }),
  fc.record({ kind: fc.constant("flip head" as const), row, column: fc.nat(), at: fc.nat() }),
  fc.record({ kind: fc.constant("drop" as const), row }),
  fc.record({ kind: fc.constant("insert" as const), row, from: row }),
  fc.record({ kind: fc.constant("swap" as const), row, other: row }),
  fc.record({ kind: fc.constant("truncate" as const), row, withHead: fc.boolean() }),
  fc.record({ kind: fc.constant("replay" as const), row }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

/** The stored log after the mutation; undefined when it is as it was. */
const mutated = (dump: Dump, change: Mutation, older: readonly Dump[]): Dump | undefined => {
  const rows = [...dump.audit];
  const given = rows[change.row] as Row;
  const withRows = (audit: readonly Row[]): Dump => ({ ...dump, audit });
  const renumbered = (all: readonly Row[]) => all.map((one, index) => ({ ...one, seq: index + 1 }));
  switch (change.kind) {
    case "flip": {
      // Another tenant's records are not this one's; another number is a gap or a double.
      const columns = Object.keys(given).filter((name) => !["tenant_id", "seq"].includes(name));
      const column = columns[change.column % columns.length] as string;
      let value = flipped(given[column], change.at);
      if (given[column] === null) value = Buffer.from("x");
      return withRows(rows.with(change.row, { ...given, [column]: value }));
    }
    case "flip head": {
      const head = dump.audit_heads[0] as Row;
      const columns = Object.keys(head).filter((name) => name !== "tenant_id");
      const column = columns[change.column % columns.length] as string;
      const isTime = column === "cut_at";
      const value = isTime ? change.at : flipped(head[column] ?? Buffer.from("x"), change.at);
      return { ...dump, audit_heads: [{ ...head, [column]: value }] };
    }
    case "drop":
      return withRows(rows.toSpliced(change.row, 1));
    case "insert":
      return withRows(renumbered(rows.toSpliced(change.row, 0, rows[change.from] as Row)));
    case "swap": {
      if (change.row === change.other) return undefined;
      const other = rows[change.other] as Row;
      return withRows(
        rows
          .with(change.row, { ...other, seq: given.seq })
          .with(change.other, { ...given, seq: other.seq }),
      );
    }
    case "truncate": {
      const kept = rows.slice(0, change.row);
      const last = kept.at(-1);
      if (!change.withHead) return withRows(kept);
      const head = { ...dump.audit_heads[0], seq: last?.seq ?? 0 };
      const hash = last?.hash ?? Buffer.alloc(32);
      return { audit: kept, audit_heads: [{ ...head, hash, recorded_at: last?.recorded_at ?? 0 }] };
    }
    case "replay":
      return older[change.row];
  }
};

describeStores("the audit log", (world) => {
  let at: Audited;
  beforeEach(async () => {
    at = await audited(world, folder.path);
  });

  it("is whole as it is written, for every tenant apart", async () => {
    await at.fill("sales", 5);
    await at.fill("legal", 3);
    await at.fill("sales", 2);
    const whole = { cut: 0, checkpoints: 0 };
    expect(await at.verify("sales")).toEqual({
      tenantId: "sales",
      ...whole,
      records: 7,
      newest: 7,
    });
    expect(await at.verify("legal")).toEqual({
      tenantId: "legal",
      ...whole,
      records: 3,
      newest: 3,
    });
    expect(await chainedTenants(world.store)).toEqual(["legal", "sales"]);
  });

  it("attack: any record changed, dropped, inserted, exchanged or cut off, or an older log put back, is found", async () => {
    const older: Dump[] = [];
    for (let index = 0; index < COUNT; index++) {
      older.push(await at.dump("sales"));
      const actor = index % 4 === 3 ? "cli" : undefined;
      await at.auditLog.record(recordOf("sales", index, new Date(index), actor));
    }
    const checkpoints = [await at.checkpoint("sales")];
    const good = await at.dump("sales");
    expect(await at.verify("sales", checkpoints)).toMatchObject({ records: COUNT, checkpoints: 1 });
    await fc.assert(
      fc.asyncProperty(mutation, async (change) => {
        const bad = mutated(good, change, older);
        if (!bad) return;
        await at.restore("sales", bad);
        const { problem } = await at.verify("sales", checkpoints);
        expect(problem, JSON.stringify(change)).toBeDefined();
        if (change.kind === "flip" || change.kind === "drop") {
          expect(problem?.seq).toBe(change.row + 1);
        }
      }),
      { numRuns: world.dialect === "sqlite" ? 300 : 60, endOnFailure: true },
    );
    await at.restore("sales", good);
    expect((await at.verify("sales", checkpoints)).problem).toBeUndefined();
  });

  it.skipIf(world.dialect === "postgres")(
    "attack: a value that is none, which an embedded store holds all the same, is found and ends no process",
    async () => {
      await at.fill("sales", 4);
      const good = await at.dump("sales");
      const [texts, numbers] = [
        ["trace_id", "sender_id", "subject", "detail"],
        ["at", "recorded_at"],
      ];
      const odd = [
        // One bit more, and a text is no UTF-8; what stands behind a NUL libsql does not show.
        ...texts.flatMap((name) => [`${name} = cast(x'ff' || ${name} as text)`]),
        ...texts.flatMap((name) => [`${name} = ${name} || char(0) || 'more'`]),
        ...texts.flatMap((name) => [`${name} = cast(${name} as blob)`]),
        ...numbers.flatMap((name) => [`${name} = 'soon'`, `${name} = 1.5`, `${name} = x'00'`]),
        ...["personal = 'x'", "actor_tag = 1", "prev = zeroblob(200)", "prev = 'x'", "hash = 'x'"],
        ...["seq = 0", "seq = -3", "seq = 'x'", "seq = 2.5", "tenant_id = cast(x'ff' as text)"],
      ].map((change) => `UPDATE audit SET ${change} WHERE seq = 2`);
      const copy = Object.keys(good.audit[0] ?? {}).map((name) => (name === "seq" ? "-1" : name));
      odd.push(`INSERT INTO audit SELECT ${copy} FROM audit WHERE seq = 2`);
      const head = [
        "seq = 'x'",
        "hash = 'x'",
        "cut_seq = -1",
        "cut_hash = 'x'",
        "recorded_at = 'x'",
      ];
      odd.push(...head.map((change) => `UPDATE audit_heads SET ${change}`));
      odd.push(
        "UPDATE audit_heads SET cut_seq = 2, cut_hash = x'00', cut_at = 'x', cut_signature = 1",
      );
      for (const statement of odd) {
        await behindItsBack(world, [statement]);
        expect(await chainedTenants(world.store), statement).toEqual(["sales"]);
        expect((await at.verify("sales")).problem, statement).toBeDefined();
        const reader = createAuditReader({ ...at, store: world.store, now: () => new Date() });
        await reader.page("cli", tenantScope("sales"), { limit: 10 }).catch((cause) => {
          // The chain can go no further from a head that is none: nobody reads what is not on record.
          expect(statement).toContain("audit_heads");
          expect(cause).toBeInstanceOf(Error);
        });
        await at.restore("sales", good);
        await behindItsBack(world, ["DELETE FROM audit WHERE tenant_id <> 'sales'"]);
      }
      expect((await at.verify("sales")).problem).toBeUndefined();
    },
  );

  it("attack: a chain that was rewritten from a record on is found by a checkpoint only", async () => {
    await at.fill("sales", 6);
    const checkpoints = [await at.checkpoint("sales")];
    const { audit, audit_heads } = await at.dump("sales");
    let head = { ...NO_HEAD };
    const forged = (audit as unknown as AuditRow[]).map((record, index) => {
      const changed = index === 2 ? { ...record, code: "FORGED" } : record;
      const link = linkAfter(head, changed, digestOf(changed));
      head = link;
      return { ...changed, ...link };
    });
    const heads = [{ ...audit_heads[0], hash: head.hash }];
    await at.restore("sales", { audit: forged as unknown as Dump["audit"], audit_heads: heads });
    expect((await at.verify("sales")).problem).toBeUndefined();
    expect((await at.verify("sales", checkpoints)).problem).toMatchObject({
      ...{ seq: 6, code: "NOT_AS_SWORN", message: expect.stringContaining("rewritten") },
    });
  });

  it("attack: a log that is gone altogether is found by its checkpoint", async () => {
    await at.fill("sales", 3);
    const checkpoints = [await at.checkpoint("sales")];
    await at.restore("sales", { audit: [], audit_heads: [] });
    expect((await at.verify("sales", checkpoints)).problem).toMatchObject({ code: "ROLLED_BACK" });
  });

  it("stays whole when a tenant's data key is destroyed", async () => {
    await at.fill("sales", 4);
    await world.sql("DELETE FROM data_keys WHERE tenant_id = 'sales'");
    expect(await at.verify("sales")).toMatchObject({ records: 4 });
    expect((await at.verify("sales")).problem).toBeUndefined();
  });

  it("is one unbroken chain when two processes write at once, several records in a transaction too", async () => {
    const scope = tenantScope("sales");
    const stores = [world.store, await world.open()];
    const logs = await Promise.all(stores.map((store) => otherLog(store, folder.path)));
    const works = Array.from({ length: 60 }, async (_, index) => {
      const [store, log] = [stores[index % 2], logs[index % 2]];
      if (!store || !log) return;
      if (index % 3 > 0) return log.record(recordOf("sales", index, new Date(index)));
      const prepared = await Promise.all(
        [0, 1, 2].map((more) =>
          log.prepare(recordOf("sales", 100 * index + more, new Date(index))),
        ),
      );
      await store.write(scope, async (transaction) => {
        for (const one of prepared) await log.recordIn(transaction, one);
      });
    });
    await Promise.all(works);
    const report = await at.verify("sales");
    expect(report.problem).toBeUndefined();
    expect(report.records).toBe(100);
  });

  it("goes on whole after a transaction that came to nothing", async () => {
    const scope = tenantScope("sales");
    await at.fill("sales", 2);
    const prepared = await at.auditLog.prepare(recordOf("sales", 7, new Date()));
    const failed = world.store.write(scope, async (transaction) => {
      await at.auditLog.recordIn(transaction, prepared);
      throw new Error("something else failed");
    });
    await expect(failed).rejects.toThrow("something else failed");
    await at.fill("sales", 2);
    expect((await at.verify("sales")).problem).toBeUndefined();
    expect((await at.verify("sales")).records).toBe(4);
  });

  const found = async (tenantId: string) => {
    const { records, problem } = await at.verify(tenantId);
    return [records, problem];
  };

  it("stays whole, and tells nothing of the work that failed, where many share a commit", async () => {
    await at.fill("sales", 2);
    const works = Array.from({ length: 12 }, async (_, index) => {
      const tenantId = index % 3 === 2 ? "legal" : "sales";
      const record = await at.auditLog.prepare(recordOf(tenantId, index, new Date(index)));
      await world.store.write(tenantScope(tenantId), async (transaction) => {
        await at.auditLog.recordIn(transaction, record);
        if (index === 6) throw new Error("its own affair");
      });
    });
    const outcomes = await Promise.allSettled(works);
    expect(outcomes.flatMap(({ status }, index) => (status === "rejected" ? [index] : []))).toEqual(
      [6],
    );
    expect(await found("sales")).toEqual([9, undefined]);
    expect(await found("legal")).toEqual([4, undefined]);
    const { audit } = await at.dump("sales");
    expect(audit.map((row) => row.trace_id)).not.toContain("trace-sales-6");
  });

  it("stays whole where another process has written since, and many records share a commit", async () => {
    const other = await otherLog(await world.open(), folder.path);
    const fill = (log: AuditLog, from: number) =>
      Promise.all(
        Array.from({ length: 5 }, (_, index) =>
          log.record(recordOf("sales", from + index, new Date(index))),
        ),
      );
    await fill(at.auditLog, 0);
    await fill(other, 10);
    await fill(at.auditLog, 20);
    await fill(other, 30);
    expect(await found("sales")).toEqual([20, undefined]);
  });

  it("never goes back in time, however long ago a record began", async () => {
    await at.fill("sales", 2, new Date(10_000));
    await at.fill("sales", 2, new Date(5_000));
    const { audit } = await at.dump("sales");
    expect(audit.map((record) => record.recorded_at)).toEqual([10_000, 10_002, 10_002, 10_002]);
  });
});
