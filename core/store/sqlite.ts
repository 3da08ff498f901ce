import type { SqliteDatabase, SqliteStatement } from "kysely";
import Libsql from "libsql";
import { StoreError } from "./errors.ts";

/**
 * An embedded SQLite database behind a guard: libsql aborts the process on a boolean, cuts text at
 * NUL, turns lone surrogates into U+FFFD and undefined, NaN and objects into NULL. Each of these is
 * refused here instead, so text that a person wrote is stored as bytes. Integers come back as
 * numbers (or refused beyond 2^53), BLOBs as Buffers.
 * @param busyTimeoutMs how long a lock of another process is waited for
 */
export const openSqlite = (path: string, busyTimeoutMs = 5_000): SqliteDatabase => {
  const database = new Libsql(path);
  database.defaultSafeIntegers(true);
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  return {
    close: () => {
      database.close();
    },
    prepare: (sql) => guard(database.prepare(sql)),
  };
};

const guard = (statement: Libsql.Statement): SqliteStatement => ({
  // Kysely picks `all` for statements that return rows and `run` for the rest.
  reader: statement.reader,
  all: (parameters) => statement.all(parameters.map(bindable)).map(readable),
  run: (parameters) => statement.run(parameters.map(bindable)),
  iterate: function* (parameters) {
    for (const row of statement.iterate(parameters.map(bindable))) yield readable(row);
  },
});

const bindable = (value: unknown): unknown => {
  if (value === null || typeof value === "bigint" || value instanceof Uint8Array) return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "string" && !value.includes("\0") && value.isWellFormed()) return value;
  throw new StoreError(`a ${describe(value)} cannot be stored; store user text as bytes`);
};

const describe = (value: unknown): string => {
  if (typeof value === "string") return "text with NUL or a lone surrogate";
  return typeof value === "number" ? String(value) : typeof value;
};

const readable = (row: unknown): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row as Record<string, unknown>).map(([column, value]) => [
      column,
      fromSqlite(column, value),
    ]),
  );

const fromSqlite = (column: string, value: unknown): unknown => {
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new StoreError(`column ${column} is beyond 2^53`);
  return number;
};
