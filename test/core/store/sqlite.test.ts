import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqlite, type Sqlite } from "../../../core/store/sqlite.ts";

let folder: string;
let database: Sqlite;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "clawgate-sqlite-"));
  database = openSqlite(join(folder, "test.db"));
  database.prepare("CREATE TABLE t (value)").run([]);
});

afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

const insert = (value: unknown) => database.prepare("INSERT INTO t VALUES (?)").run([value]);
const stored = () => database.prepare("SELECT value FROM t").all([]);

describe("the guard around libsql", () => {
  it.each([
    ["a boolean, which would abort the process", true],
    ["undefined, which would become NULL", undefined],
    ["NaN, which would become NULL", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["an object, which would become NULL", { a: 1 }],
    ["a date", new Date(0)],
    ["text with NUL, which would be cut", "a\0b"],
    ["a lone surrogate, which would be replaced", "a\ud800b"],
  ])("refuses %s", (_name, value) => {
    expect(() => insert(value)).toThrow(/cannot be stored/);
    expect(stored()).toEqual([]);
  });

  it("gives bytes back as a Buffer", () => {
    insert(Buffer.from("a\0b"));
    expect(stored()).toEqual([{ value: Buffer.from("a\0b") }]);
  });

  it("gives integers back as numbers up to 2^53", () => {
    insert(Number.MAX_SAFE_INTEGER);
    expect(stored()).toEqual([{ value: Number.MAX_SAFE_INTEGER }]);
  });

  it("refuses to round an integer beyond 2^53", () => {
    insert(2n ** 60n);
    expect(() => stored()).toThrow(/beyond 2\^53/);
  });

  it("gives the first row with its columns alone, and none when there is none", () => {
    const first = (over: number) =>
      database.prepare("SELECT value FROM t WHERE value > ? ORDER BY value").first([over]);
    for (const value of [1, 2]) insert(value);
    expect(first(0)).toEqual({ value: 1 });
    expect(first(2)).toBeUndefined();
    expect(() => first(Number.NaN)).toThrow(/cannot be stored/);
  });

  it("is done with a statement whose further rows nobody asked for", () => {
    for (const value of [1, 2]) insert(value);
    expect(database.prepare("SELECT value FROM t").first([])).toEqual({ value: 1 });
    const other = openSqlite(join(folder, "test.db"), 0);
    other.prepare("DELETE FROM t").run([]);
    other.close();
    expect(stored()).toEqual([]);
  });

  it("finds what it is asked for by a statement that failed before", () => {
    for (const value of ["one's", "another's"]) insert(value);
    const first = (id: number) =>
      database.prepare("SELECT value FROM t WHERE rowid = ?").first([id]);
    const other = openSqlite(join(folder, "test.db"), 0);
    database.pragma("busy_timeout = 0");
    other.prepare("BEGIN EXCLUSIVE").run([]);
    expect(() => first(1)).toThrow(/locked/);
    other.prepare("COMMIT").run([]);
    other.close();
    expect(first(2)).toEqual({ value: "another's" });
  });

  const WAYS = ["all", "execute", "first", "run"] as const;
  it.each(WAYS.flatMap((one) => WAYS.map((other) => [one, other] as const)))(
    "writes what it is told to, by `%s` and by `%s` in turn, whether these succeed or fail",
    (one, other) => {
      database.prepare("CREATE UNIQUE INDEX once ON t (value)").run([]);
      const into = database.prepare("INSERT INTO t VALUES (?)");
      for (const value of ["a", "b"]) {
        into[one]([value]);
        into[other]([`${value}2`]);
        expect(() => into[one](["a"])).toThrow(/UNIQUE/);
        into[other]([`${value}3`]);
      }
      expect(stored().map(({ value }) => value)).toEqual(["a", "a2", "a3", "b", "b2", "b3"]);
    },
  );

  it("keeps null, text in any language and fractions as they are", () => {
    for (const value of [null, "行銷部 👍🏽", 0.5]) insert(value);
    expect(stored().map((row) => (row as { value: unknown }).value)).toEqual([
      null,
      "行銷部 👍🏽",
      0.5,
    ]);
  });
});
