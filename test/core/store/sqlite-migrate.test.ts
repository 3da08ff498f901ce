import { rmSync } from "node:fs";
import { join } from "node:path";
import { Kysely, Migrator, SqliteDialect } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { earlierTwin } from "../../../core/delivery/outbox-rows.ts";
import { makeStoreFile } from "../../../core/store/make-store-file.ts";
import { migrateToLatest } from "../../../core/store/migrate.ts";
import { migrationsFor } from "../../../core/store/migrations.ts";
import { openStore } from "../../../core/store/open-store.ts";
import { openSqlite, type Sqlite } from "../../../core/store/sqlite.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();

class DeathError extends Error {}

/** Migrates a new store in a process that dies at statement `fatal`; whether it lived to the end. */
const migrateUntil = async (store: string, fatal: number): Promise<boolean> => {
  const database = openSqlite(makeStoreFile(store, "clawgate.db"));
  database.pragma("journal_mode = WAL");
  let left = fatal;
  const mortal = {
    close: database.close,
    prepare: (sql: string) => {
      // The dead run no rollback either.
      if (left-- <= 0) throw new DeathError(sql);
      return database.prepare(sql);
    },
  };
  try {
    const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: mortal }) });
    await migrateToLatest(db, "sqlite");
    return true;
  } catch (cause) {
    expect(cause).toBeInstanceOf(DeathError);
    return false;
  } finally {
    // What the system does for the dead. libsql keeps a closed connection until it is collected.
    if (left < 0 && fatal > 0) database.prepare("ROLLBACK").run([]);
    database.close();
  }
};

// Fine enough to die within every migration, and quick.
const STEP = 7;

it("opens a store whose first start was killed in the middle of its migrations", async () => {
  let fatal = 0;
  for (;;) {
    const place = join(folder.path, String(fatal));
    const isWhole = await migrateUntil(place, fatal);
    const store = await openStore({ url: `file:${place}` });
    await store.close();
    if (isWhole) break;
    fatal += STEP;
  }
  expect(fatal).toBeGreaterThan(50);
}, 60_000);

it("waits for another process that makes the same store just now", async () => {
  const file = makeStoreFile(join(folder.path, "twice"), "clawgate.db");
  const connections = Array.from({ length: 2 }, () => openSqlite(file));
  connections[0]?.pragma("journal_mode = WAL");
  const [first, second] = connections.map(
    (database) => new Kysely<unknown>({ dialect: new SqliteDialect({ database }) }),
  );
  if (!first || !second) throw new Error("two were opened");
  // Its wait would hold up the other one here: it is told at once instead that it has to wait.
  connections[1]?.pragma("busy_timeout = 0");
  const [one, other] = await Promise.allSettled([
    migrateToLatest(first, "sqlite"),
    migrateToLatest(second, "sqlite"),
  ]);
  expect(one).toMatchObject({ status: "fulfilled" });
  expect(other).toMatchObject({ status: "rejected", reason: { code: "SQLITE_BUSY" } });
  await migrateToLatest(second, "sqlite");
  for (const database of connections) database.close();
});

const kysely = (database: Sqlite) =>
  new Kysely<unknown>({ dialect: new SqliteDialect({ database }) });

const migrateTo = async (database: Sqlite, name: string): Promise<void> => {
  const provider = { getMigrations: async () => migrationsFor("sqlite") };
  const { error } = await new Migrator({ db: kysely(database), provider }).migrateTo(name);
  expect(error).toBeUndefined();
};

describe("a store whose states were checked against a list", () => {
  const INSERT = `INSERT INTO inbox (channel, key, lane, tenant_id, message, state, received_at)
    VALUES ('test', ?, 'lane', 'sales', x'00', ?, 7)`;
  let file: string;
  let database: Sqlite;

  beforeEach(async () => {
    file = makeStoreFile(join(folder.path, "listed"), "clawgate.db");
    database = openSqlite(file);
    await migrateTo(database, "0009-foldings-of-memory");
    database.pragma("foreign_keys = ON");
    for (const state of ["pending", "answered", "done", "dead"]) {
      database.prepare(INSERT).run([state, state]);
    }
  });

  afterEach(() => {
    database.close();
    rmSync(join(folder.path, "listed"), { recursive: true });
  });

  const setState = (table: string, state: string | null) =>
    database.prepare(`UPDATE ${table} SET state = ?`).run([state]).changes;

  it("allows the same states as before, and loses nothing", async () => {
    const rows = () => database.prepare("SELECT * FROM inbox ORDER BY id").all([]);
    const indexes = () =>
      database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index'").all([]);
    const before = { rows: rows(), indexes: indexes() };
    await migrateTo(database, "0010-states-word-by-word");
    expect({ rows: rows(), indexes: indexes() }).toEqual(before);
    expect(database.prepare("PRAGMA integrity_check").all([])).toEqual([{ integrity_check: "ok" }]);
    database
      .prepare(
        `INSERT INTO outbox (tenant_id, inbox_id, part, lane, channel, content, fingerprint, via, state,
           due_at, created_at) VALUES ('sales', 1, 0, 'lane', 'test', x'00', x'', 'send', 'pending', 7, 7)`,
      )
      .run([]);
    for (const state of ["pending", "answered", "done", "dead"]) {
      expect(setState("inbox", state)).toBe(4);
    }
    for (const state of ["pending", "delivered", "dead"]) expect(setState("outbox", state)).toBe(1);
    for (const state of ["delivered", "", "Pending", null]) {
      expect(() => setState("inbox", state)).toThrow(/constraint failed/);
    }
    for (const state of ["answered", "done", "", null]) {
      expect(() => setState("outbox", state)).toThrow(/constraint failed/);
    }
  });

  it("makes no index of them at every write any more, whoever has it open", async () => {
    const other = openSqlite(file);
    const makesIndex = (when: string) => {
      // What explains a statement does not see by itself that the schema is another.
      other.prepare("SELECT count(*) FROM inbox").all([]);
      return other
        .prepare(`EXPLAIN UPDATE inbox SET state = ? WHERE id = ? -- ${when}`)
        .all([null, null])
        .some(({ opcode }) => opcode === "OpenEphemeral");
    };
    expect(makesIndex("before")).toBe(true);
    await migrateToLatest(kysely(database), "sqlite");
    expect(makesIndex("after")).toBe(false);
    other.close();
  });
});

describe("a store whose index of fingerprints held parts without one", () => {
  const INSERT = `INSERT INTO outbox (tenant_id, inbox_id, part, lane, channel, content, fingerprint, via,
      state, attempts, due_at, created_at)
    VALUES ('sales', ?, 0, 'lane', 'test', x'00', ?, 'send', 'delivered', 1, 7, 7)`;

  it("finds by it what has one, and loses nothing", async () => {
    const place = join(folder.path, "fingerprinted");
    const database = openSqlite(makeStoreFile(place, "clawgate.db"));
    await migrateTo(database, "0010-states-word-by-word");
    database.pragma("foreign_keys = OFF");
    for (const [id, fingerprint] of [Buffer.alloc(0), Buffer.from("same")].entries()) {
      database.prepare(INSERT).run([id, fingerprint]);
    }
    const other = openSqlite(join(place, "clawgate.db"));
    const found = (from: Sqlite) => {
      const args = { tenantId: "sales", since: 0, inboxId: 7, part: 0 };
      const twinOf = (fingerprint: Uint8Array) => {
        const { sql, parameters } = earlierTwin.bind("sqlite", { fingerprint, ...args });
        return from.prepare(sql).all(parameters).length;
      };
      return [twinOf(Buffer.from("same")), twinOf(Buffer.from("another"))];
    };
    expect(found(other)).toEqual([1, 0]);
    await migrateToLatest(kysely(database), "sqlite");
    for (const connection of [database, other]) expect(found(connection)).toEqual([1, 0]);
    expect(database.prepare("SELECT count(*) AS n FROM outbox").first([])).toEqual({ n: 2 });
    expect(database.prepare("PRAGMA integrity_check").all([])).toEqual([{ integrity_check: "ok" }]);
    const { sql, parameters } = earlierTwin.bind("sqlite", {} as never);
    const [plan] = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(parameters.map(() => null));
    expect(plan?.detail).toContain("outbox_fingerprint (tenant_id=? AND fingerprint=?");
    for (const connection of [database, other]) connection.close();
  });
});
