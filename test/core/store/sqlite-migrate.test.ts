import { join } from "node:path";
import { Kysely, SqliteDialect } from "kysely";
import { expect, it } from "vitest";
import { makeStoreFile } from "../../../core/store/make-store-file.ts";
import { migrateToLatest } from "../../../core/store/migrate.ts";
import { openStore } from "../../../core/store/open-store.ts";
import { openSqlite } from "../../../core/store/sqlite.ts";
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
