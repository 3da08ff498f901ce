import Libsql from "libsql";
import { StoreError } from "./errors.ts";

/** One connection to an embedded SQLite database, behind a guard. */
export interface Sqlite {
  /** The statement for this text; prepared once and kept, so texts must not hold values. */
  prepare(sql: string): SqliteStatement;
  /** Sets how the connection works. Not by a prepared statement: some take effect only when prepared. */
  pragma(setting: string): void;
  close(): void;
}

export interface SqliteStatement {
  /** Whether it returns rows. */
  readonly reader: boolean;
  all(parameters: readonly unknown[]): Row[];
  /** The first row; costs half of what `all` does. */
  first(parameters: readonly unknown[]): Row | undefined;
  run(parameters: readonly unknown[]): { changes: number; lastInsertRowid: number };
  /** What `run` does, without its answer, which costs 0.7 µs and an object. */
  execute(parameters: readonly unknown[]): void;
  iterate(parameters: readonly unknown[]): IterableIterator<Row>;
}

type Row = Record<string, unknown>;

/**
 * Opens a database. libsql aborts the process on a boolean, cuts text at NUL, turns lone surrogates
 * into U+FFFD and undefined, NaN and objects into NULL. Each of these is refused here instead, so
 * text that a person wrote is stored as bytes. Integers come back as numbers (or are refused beyond
 * 2^53), BLOBs as Buffers.
 * @param busyTimeoutMs how long a lock of another process is waited for
 */
export const openSqlite = (path: string, busyTimeoutMs = 5_000): Sqlite => {
  const database = new Libsql(path);
  database.defaultSafeIntegers(true);
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  const prepared = new Map<string, SqliteStatement>();
  return {
    close: () => {
      database.close();
    },
    pragma: (setting) => {
      database.exec(`PRAGMA ${setting}`);
    },
    prepare: (sql) => {
      let statement = prepared.get(sql);
      if (!statement) {
        statement = guard(database, sql);
        prepared.set(sql, statement);
      }
      return statement;
    },
  };
};

const guard = (database: Libsql.Database, sql: string): SqliteStatement => {
  const statement = database.prepare(sql);
  let own: Libsql.Statement | undefined;

  /**
   * libsql's `get` binds nothing to a statement that `all` or `run` have been at, or a `get` that failed:
   * it would run with the values of then, and find or write a row that nobody asked for. So it has a
   * statement of its own, and after a failure a new one.
   */
  const get = (bound: unknown): unknown => {
    const used = own ?? database.prepare(sql);
    own = undefined;
    const row: unknown = used.get(bound);
    own = used;
    return row;
  };

  return {
    reader: statement.reader,
    all: (parameters) => statement.all(bindable(parameters)).map(readable),
    first: (parameters) => {
      const row = get(bindable(parameters)) as Row | undefined;
      if (row === undefined) return undefined;
      // How long it took, which libsql puts beside the columns.
      delete row._metadata;
      return readable(row);
    },
    run: (parameters) => {
      const { changes, lastInsertRowid } = statement.run(bindable(parameters));
      return { changes, lastInsertRowid: toNumber("rowid", lastInsertRowid) };
    },
    // A write is done at its first step, whichever way it is asked for.
    execute: (parameters) => {
      get(bindable(parameters));
    },
    iterate: function* (parameters) {
      for (const row of statement.iterate(bindable(parameters))) yield readable(row);
    },
  };
};

/** The parameters themselves. Throws StoreError when one cannot be bound. */
const bindable = (parameters: readonly unknown[]): unknown => {
  for (const value of parameters) {
    if (!isBindable(value)) {
      throw new StoreError(`a ${describe(value)} cannot be stored; store user text as bytes`);
    }
  }
  return parameters;
};

const isBindable = (value: unknown): boolean => {
  if (typeof value === "string") return !value.includes("\0") && value.isWellFormed();
  if (typeof value === "number") return Number.isFinite(value);
  return value === null || typeof value === "bigint" || value instanceof Uint8Array;
};

const describe = (value: unknown): string => {
  if (typeof value === "string") return "text with NUL or a lone surrogate";
  return typeof value === "number" ? String(value) : typeof value;
};

/** The row itself, its values converted in place: it is ours alone. */
const readable = (row: unknown): Row => {
  const values = row as Row;
  for (const column in values) {
    const value = values[column];
    if (typeof value === "bigint") values[column] = toNumber(column, value);
    else if (value instanceof ArrayBuffer) values[column] = Buffer.from(value);
  }
  return values;
};

const toNumber = (column: string, value: number | bigint): number => {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new StoreError(`column ${column} is beyond 2^53`);
  return number;
};

/** What SQLite refused, as StoreError; every other fault as it is. */
export const asStoreError = (cause: unknown): unknown =>
  cause instanceof Error && "code" in cause && String(cause.code).startsWith("SQLITE_")
    ? new StoreError(`SQLite refused (${cause.code}): ${cause.message}`, { cause })
    : cause;
