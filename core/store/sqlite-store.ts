import { type FileHandle, open as openFile } from "node:fs/promises";
import { Kysely, SqliteDialect } from "kysely";
import { createCheckpoints } from "./checkpoints.ts";
import { StoreError } from "./errors.ts";
import { filesInPlace } from "./files-in-place.ts";
import { createGroupCommit } from "./group-commit.ts";
import { makeStoreFile } from "./make-store-file.ts";
import { hasOurSchema, isSchemaError, migrateToLatest } from "./migrate.ts";
import { asStoreError, openSqlite, type Sqlite } from "./sqlite.ts";
import type { Statement } from "./statement.ts";
import type { Store, Transaction } from "./store.ts";

/**
 * Opens (or makes) the SQLite store in `folder`. The wall between tenants is the statements' own
 * `tenant_id`: SQLite has no row-level security.
 * @param migrate as of StoreLocation
 * Throws StoreError when it cannot be opened or used.
 */
export const openSqliteStore = async (folder: string, migrate = true): Promise<Store> => {
  const file = makeStoreFile(folder, "clawgate.db");
  const opened: Sqlite[] = [];
  const open = (): Sqlite => {
    const database = openSqlite(file);
    opened.push(database);
    return database;
  };
  let log: FileHandle | undefined;
  const closeAll = async () => {
    await log?.close();
    for (const database of opened) database.close();
  };
  try {
    const writer = open();
    writer.pragma("journal_mode = WAL");
    // Migrating ends with the connection still in use, so Kysely must not close it.
    const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: writer }) });
    if (migrate || !(await hasOurSchema(db, "sqlite"))) await migrateToLatest(db, "sqlite");
    writer.pragma("foreign_keys = ON");
    // What was erased must not lie on in the space that it left, in pages that nothing uses any more neither,
    // which FAST leaves as they are: https://www.sqlite.org/pragma.html#pragma_secure_delete
    writer.pragma("secure_delete = ON");
    // Reads see what is committed, never the middle of a transaction.
    const reader = open();
    reader.pragma("query_only = ON");
    // Syncs the log at checkpoints only. What must be durable syncs it after its commit, which is what
    // level FULL does, but without standing still: https://www.sqlite.org/pragma.html#pragma_synchronous
    writer.pragma("synchronous = NORMAL");
    const kept = await openFile(`${file}-wal`, "r");
    log = kept;
    // Only should those beside the event loop fail, since this one would hold it up: 64 MiB.
    writer.pragma("wal_autocheckpoint = 16384");
    const checkpoints = createCheckpoints(file);
    const checkInPlace = filesInPlace([file, `${file}-wal`, `${file}-shm`]);
    const sync = async () => {
      await kept.datasync();
      checkInPlace();
    };
    const commits = createGroupCommit(writer, transactionOn(writer), sync, checkpoints.after);
    const reading = transactionOn(reader);
    return {
      dialect: "sqlite",
      read: async (_access, work) => {
        commits.check();
        try {
          return await work(reading);
        } catch (cause) {
          throw asStoreError(cause);
        }
      },
      write: (_access, work) => commits.add(work, true),
      note: (_access, work) => commits.add(work, false),
      forget: () => checkpoints.empty(),
      close: async () => {
        await commits.drained();
        await checkpoints.close();
        await closeAll();
      },
    };
  } catch (cause) {
    await closeAll();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(`cannot open ${file}: ${why}${hintFor(cause)}`, { cause });
  }
};

const hintFor = (cause: unknown): string => {
  if (isSchemaError(cause)) return "";
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return HINTS.find(([of]) => code.startsWith(of))?.[1] ?? "; is it ours?";
};

const OWNER = ": its folder and all in it must belong to the user who runs the gateway";
/** By the beginning of SQLite's error code; extended ones say more behind it. */
const HINTS: readonly (readonly [code: string, hint: string])[] = [
  ["SQLITE_CORRUPT", ": it is damaged, so put back its folder from a backup"],
  ["SQLITE_READONLY", OWNER],
  ["SQLITE_CANTOPEN", OWNER],
  ["SQLITE_FULL", ": make room on its disk"],
  ["SQLITE_IOERR", ": is its disk full?"],
];

const transactionOn = (database: Sqlite): Transaction => {
  const bound = <Args>(statement: Statement<Args, unknown>, args: Args) => {
    const { sql, parameters } = statement.bind("sqlite", args);
    return [database.prepare(sql), parameters] as const;
  };
  const transaction: Transaction = {
    all: <Args, Row>(statement: Statement<Args, Row>, args: Args) => {
      const [prepared, parameters] = bound(statement, args);
      return prepared.all(parameters) as Row[];
    },
    first: <Args, Row>(statement: Statement<Args, Row>, args: Args) => {
      const [prepared, parameters] = bound(statement, args);
      return prepared.first(parameters) as Row | undefined;
    },
    run: (statement, args) => {
      const [prepared, parameters] = bound(statement, args);
      return prepared.run(parameters).changes;
    },
    execute: (statement, args) => {
      const [prepared, parameters] = bound(statement, args);
      prepared.execute(parameters);
    },
    insert: (statement, args) => {
      const [prepared, parameters] = bound(statement, args);
      const { changes, lastInsertRowid } = prepared.run(parameters);
      return changes === 0 ? undefined : lastInsertRowid;
    },
    leave: (write, item) => write(transaction, [item]),
  };
  return transaction;
};
