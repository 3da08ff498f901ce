import { Kysely, Migrator, SqliteDialect, sql, type Transaction } from "kysely";
import { StoreError } from "./errors.ts";
import { makeStoreFile } from "./make-store-file.ts";
import { migrations } from "./migrations.ts";
import type { Tables } from "./schema.ts";
import { openSqlite } from "./sqlite.ts";

/** Everything the gateway remembers. */
export interface Store {
  /** Reads; they see what is committed. */
  readonly db: Kysely<Tables>;
  /**
   * Runs `work` in a transaction and resolves once the commit survives a power loss. Works that
   * wait at the same time share one commit and one fsync; one that throws is rolled back alone.
   */
  write<T>(work: Work<T>): Promise<T>;
  /** Like `write`, but the commit survives only the death of the process: for what may be redone. */
  note<T>(work: Work<T>): Promise<T>;
  close(): Promise<void>;
}

export type Work<T> = (transaction: Transaction<Tables>) => Promise<T>;

interface Job {
  readonly isDurable: boolean;
  readonly work: Work<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (cause: unknown) => void;
}

/**
 * Opens (or makes) the SQLite store in `folder` and brings its schema up to date.
 * Throws StoreError when it cannot be opened or used.
 */
export const openStore = async (folder: string): Promise<Store> => {
  const file = makeStoreFile(folder, "clawgate.db");
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: openSqlite(file) }) });
  try {
    await sql`PRAGMA journal_mode = WAL`.execute(db);
    await sql`PRAGMA foreign_keys = ON`.execute(db);
    await migrate(db);
  } catch (cause) {
    await db.destroy();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(`cannot open ${file}: ${why}; is it ours, and of no newer version?`, {
      cause,
    });
  }
  const commits = createGroupCommit(db);
  return {
    db,
    write: (work) => commits.add(work, true),
    note: (work) => commits.add(work, false),
    close: async () => {
      await commits.drained();
      await db.destroy();
    },
  };
};

const migrate = async (db: Kysely<Tables>): Promise<void> => {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
};

const createGroupCommit = (db: Kysely<Tables>) => {
  let queue: Job[] = [];
  let running: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    while (queue.length > 0) {
      // One turn of the event loop lets requests that arrived together join the same commit.
      await new Promise(setImmediate);
      const batch = queue;
      queue = [];
      await commit(db, batch);
    }
    running = undefined;
  };

  return {
    add: <T>(work: Work<T>, isDurable: boolean): Promise<T> => {
      const done = new Promise<unknown>((resolve, reject) => {
        queue.push({ isDurable, work, resolve, reject });
      });
      running ??= run();
      return done as Promise<T>;
    },
    drained: async () => {
      while (running) await running;
    },
  };
};

const commit = async (db: Kysely<Tables>, batch: readonly Job[]): Promise<void> => {
  const settle: (() => void)[] = [];
  try {
    // Level FULL syncs the log at every commit, NORMAL only at checkpoints.
    // https://www.sqlite.org/pragma.html#pragma_synchronous
    const level = batch.some((job) => job.isDurable) ? "FULL" : "NORMAL";
    await sql.raw(`PRAGMA synchronous = ${level}`).execute(db);
    await db.transaction().execute(async (transaction) => {
      for (const job of batch) settle.push(await runAlone(transaction, job));
    });
    for (const done of settle) done();
  } catch (cause) {
    for (const job of batch) job.reject(new StoreError("commit failed", { cause }));
  }
};

/** Runs one job inside a savepoint; what it returns tells the caller, after the commit. */
const runAlone = async (transaction: Transaction<Tables>, job: Job): Promise<() => void> => {
  await sql`SAVEPOINT job`.execute(transaction);
  try {
    const value = await job.work(transaction);
    await sql`RELEASE job`.execute(transaction);
    return () => job.resolve(value);
  } catch (cause) {
    await sql`ROLLBACK TO job`.execute(transaction);
    await sql`RELEASE job`.execute(transaction);
    return () => job.reject(cause);
  }
};
