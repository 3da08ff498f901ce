import { expect, it } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import { StoreError } from "../../../core/store/errors.ts";
import { openStore } from "../../../core/store/open-store.ts";
import { PLATFORM_SCOPE, tenantScope } from "../../../core/store/scope.ts";
import { statement } from "../../../core/store/statement.ts";
import type { Store, Work } from "../../../core/store/store.ts";
import { describeStores } from "../../fakes/stores.ts";

const insertRow = statement<{ key: string }>()((db, arg) =>
  db
    .insertInto("inbox")
    .values({
      channel: "test",
      key: arg("key"),
      lane: "lane",
      tenant_id: "sales",
      message: Buffer.from([0, 255]),
      state: "pending",
      received_at: 1_795_000_000_000,
    })
    .onConflict((conflict) => conflict.columns(["channel", "key"]).doNothing()),
);

const allRows = statement<object>()((db) =>
  db.selectFrom("inbox").select(["key", "message", "received_at"]).orderBy("id"),
);

const insert =
  (key: string): Work<number | undefined> =>
  (transaction) =>
    transaction.insert(insertRow, { key });

const keys = async (store: Store) => {
  const rows = await store.read("intake", (transaction) => transaction.all(allRows, {}));
  return rows.map((row) => row.key);
};

describeStores("a store", (world) => {
  it("keeps what was written when it is opened again", async () => {
    await world.store.write("intake", insert("a"));
    await world.closeAll();
    expect(await keys(await world.open())).toEqual(["a"]);
  });

  it("gives bytes and large numbers back as they were", async () => {
    await world.store.write("intake", insert("a"));
    const row = await world.store.read("intake", (transaction) => transaction.first(allRows, {}));
    expect(row).toEqual({
      key: "a",
      message: Buffer.from([0, 255]),
      received_at: 1_795_000_000_000,
    });
  });

  it("numbers rows in their order, and gives a row that is there already no number", async () => {
    const first = (await world.store.write("intake", insert("a"))) ?? Number.NaN;
    expect(await world.store.write("intake", insert("a"))).toBeUndefined();
    expect(await world.store.write("intake", insert("b"))).toBeGreaterThan(first);
  });

  it("keeps all of what is written at the same time", async () => {
    const many = Array.from({ length: 50 }, (_, index) => `k${index}`);
    await Promise.all(many.map((key) => world.store.write("intake", insert(key))));
    expect((await keys(world.store)).toSorted()).toEqual(many.toSorted());
  });

  it("rolls back only the work that throws, not those at the same time", async () => {
    const failing: Work<void> = async (transaction) => {
      await insert("half done")(transaction);
      throw new Error("no");
    };
    const outcomes = await Promise.allSettled([
      world.store.write("intake", insert("before")),
      world.store.write("intake", failing),
      world.store.note("intake", insert("after")),
    ]);
    expect(outcomes).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { message: "no" } },
      { status: "fulfilled" },
    ]);
    expect((await keys(world.store)).toSorted()).toEqual(["after", "before"]);
  });

  it("shows nobody what is not committed", async () => {
    let seen: readonly string[] | undefined;
    await world.store.write("intake", async (transaction) => {
      await insert("a")(transaction);
      seen = await keys(world.store);
    });
    expect(seen).toEqual([]);
  });

  it("finishes what was begun before it closes", async () => {
    const written = world.store.write("intake", insert("a"));
    await world.closeAll();
    await written;
    expect(await keys(await world.open())).toEqual(["a"]);
  });

  it("writes where nobody asks how many rows, also after the database refused it", async () => {
    const rename = statement<{ key: string; to: string }>()((db, arg) =>
      db
        .updateTable("inbox")
        .set({ key: arg("to") })
        .where("key", "=", arg("key")),
    );
    const execute = (key: string, to: string) =>
      world.store.write("intake", (transaction) => transaction.execute(rename, { key, to }));
    for (const key of ["a", "b", "c"]) await world.store.write("intake", insert(key));
    await expect(execute("a", "c")).rejects.toThrow(StoreError);
    expect(await execute("b", "d")).toBeUndefined();
    expect((await keys(world.store)).toSorted()).toEqual(["a", "c", "d"]);
  });

  it("refuses what the database refuses, and goes on", async () => {
    const nonsense = statement<object>()((db) =>
      db.updateTable("inbox").set({ state: "gone" as "done" }),
    );
    await world.store.write("intake", insert("before"));
    await expect(
      world.store.write("intake", (transaction) => transaction.run(nonsense, {})),
    ).rejects.toThrow(/state/);
    await world.store.write("intake", insert("after"));
    expect(await keys(world.store)).toEqual(["before", "after"]);
  });

  it.runIf(world.dialect === "postgres")(
    "never takes for stored what PostgreSQL rolled back, though the work went on past what was refused",
    async () => {
      const nonsense = statement<object>()((db) => db.selectFrom("nowhere" as "inbox").selectAll());
      const work: Work<void> = async (transaction) => {
        await insert("a")(transaction);
        try {
          await transaction.all(nonsense, {});
        } catch {}
      };
      await expect(world.store.write("intake", work)).rejects.toThrow(StoreError);
      expect(await keys(world.store)).toEqual([]);
    },
  );

  it("says StoreError of what the database refuses, read or written", async () => {
    const nowhere = statement<object>()((db) => db.selectFrom("nowhere" as "inbox").selectAll());
    for (const way of ["read", "write", "note"] as const) {
      const asked = world.store[way]("intake", (transaction) => transaction.all(nowhere, {}));
      await expect(asked).rejects.toThrow(StoreError);
    }
    await expect(
      world.store.read("intake", async () => {
        throw new TypeError("a bug of the caller's");
      }),
    ).rejects.toThrow(TypeError);
  });

  it("lets nobody rewrite or empty the audit table", async () => {
    const rewrite = statement<object>()((db) => db.updateTable("audit").set({ decision: "no" }));
    const empty = statement<object>()((db) => db.deleteFrom("audit"));
    const decisions = statement<object>()((db) => db.selectFrom("audit").select("decision"));
    await createAuditLog(world.store).record({
      ...{ at: new Date(0), traceId: "t", scope: PLATFORM_SCOPE, durationMs: 1 },
      ...({ action: "webhook", subject: "request", decision: "refused", code: "X" } as const),
    });
    for (const change of [rewrite, empty]) {
      await expect(
        world.store.write(PLATFORM_SCOPE, (transaction) => transaction.run(change, {})),
      ).rejects.toThrow(/append-only|permission denied/);
    }
    expect(
      await world.store.read(PLATFORM_SCOPE, (transaction) => transaction.all(decisions, {})),
    ).toEqual([{ decision: "refused" }]);
  });

  it("is refused when it was made before the first release, with what to do", async () => {
    await world.closeAll();
    await world.sql(
      "UPDATE kysely_migration SET name = '0001-inbox-outbox-audit' WHERE name = '0001-baseline'",
    );
    await expect(world.open()).rejects.toThrow(/^store: cannot open .*unencrypted.*: move it away/);
    await world.sql(
      "UPDATE kysely_migration SET name = '0001-baseline' WHERE name = '0001-inbox-outbox-audit'",
    );
  });

  it("is refused when a newer version has migrated it, and left alone", async () => {
    await world.store.write("intake", insert("a"));
    await world.closeAll();
    await world.sql(
      "INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-from-the-future', 'now')",
    );
    await expect(world.open()).rejects.toThrow(
      /^store: cannot open .*newer version of clawgate \(9999-from-the-future\): start that version/,
    );
    await world.sql("DELETE FROM kysely_migration WHERE name = '9999-from-the-future'");
    expect(await keys(await world.open())).toEqual(["a"]);
  });

  it("of an older version is left as it is by whoever may not change it, and brought up to date by a gateway", async () => {
    const { url } = world;
    const made = () => world.sql("SELECT name FROM kysely_migration ORDER BY name");
    const all = await made();
    await world.sql(
      `INSERT INTO reviews (tenant_id, id, direction, state, trace_id, content, held_at)
       VALUES ('sales', 'r1', 'in', 'pending', 't', '', 7)`,
    );
    await world.closeAll();
    for (const undone of [
      "DELETE FROM kysely_migration WHERE name >= '0010'",
      "DROP INDEX memory_by_folding",
      "CREATE INDEX memory_unindexed ON memory (tenant_id, id) WHERE indexed = 0",
      "DROP TABLE memory_foldings",
      "DELETE FROM kysely_migration WHERE name = '0009-foldings-of-memory'",
      "DROP INDEX reviews_of_person",
      "ALTER TABLE reviews DROP COLUMN person",
      "ALTER TABLE reviews DROP COLUMN said",
      "DELETE FROM kysely_migration WHERE name = '0008-withdrawn-reviews'",
    ]) {
      await world.sql(undone);
    }
    await expect(openStore({ url, migrate: false })).rejects.toThrow(
      /^store: cannot open .*older version of clawgate \(without 0008-withdrawn-reviews\): start the gateway/,
    );
    expect(await made()).toEqual(all.slice(0, -4));
    await world.open();
    await world.closeAll();
    expect(await made()).toEqual(all);
    await (await openStore({ url, migrate: false })).close();
    // What was there is there, and can be withdrawn.
    await world.sql("UPDATE reviews SET state = 'withdrawn' WHERE person IS NULL");
    expect(await world.sql("SELECT id, state, held_at FROM reviews")).toEqual([
      { id: "r1", state: "withdrawn", held_at: 7 },
    ]);
    await expect(world.sql("UPDATE reviews SET state = 'nonsense'")).rejects.toThrow(/constraint/i);
  });

  it("of a newer version is left alone by whoever may not change it, too", async () => {
    await world.closeAll();
    await world.sql(
      "INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-from-the-future', 'now')",
    );
    await expect(openStore({ url: world.url, migrate: false })).rejects.toThrow(
      /newer version of clawgate \(9999-from-the-future\)/,
    );
    await world.sql("DELETE FROM kysely_migration WHERE name = '9999-from-the-future'");
  });

  it("runs a statement with other arguments without building it again", async () => {
    let built = 0;
    const byKey = statement<{ key: string }>()((db, arg) => {
      built++;
      return db.selectFrom("inbox").select("key").where("key", "=", arg("key"));
    });
    await world.store.write("intake", insert("a"));
    await world.store.write("intake", insert("b"));
    for (const key of ["a", "b"]) {
      const row = await world.store.read(tenantScope("sales"), (transaction) =>
        transaction.first(byKey, { key }),
      );
      expect(row).toEqual({ key });
    }
    expect(built).toBe(1);
  });
});
