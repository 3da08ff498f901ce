import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Checkpoints, createCheckpoints } from "../../../core/store/checkpoints.ts";
import { openSqlite, type Sqlite } from "../../../core/store/sqlite.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const file = () => join(folder.path, "test.db");
let writer: Sqlite;
let checkpoints: Checkpoints;

beforeEach(() => {
  writer = openSqlite(file());
  writer.pragma("journal_mode = WAL");
  writer.pragma("wal_autocheckpoint = 0");
  writer.prepare("CREATE TABLE kept (number INTEGER PRIMARY KEY, filling BLOB)").run([]);
});
afterEach(async () => {
  await checkpoints.close();
  writer.close();
});

/** How often the log was started anew: https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
const timesAnew = (): number => readFileSync(`${file()}-wal`).readUInt32BE(12);

const write = (number: number) =>
  writer.prepare("INSERT INTO kept VALUES (?, ?)").run([number, Buffer.alloc(2000)]);

it("starts the log anew again and again although somebody always writes", async () => {
  checkpoints = createCheckpoints(file(), 20);
  const before = timesAnew();
  let written = 0;
  while (timesAnew() < before + 3) {
    write(++written);
    await checkpoints.after(1);
    await new Promise(setImmediate);
  }
  expect(writer.prepare("SELECT count(*) AS n FROM kept").first([])).toEqual({ n: written });
});

it("leaves the log alone before there is something to gain", async () => {
  checkpoints = createCheckpoints(file(), 20);
  for (let number = 1; number < 20; number++) {
    write(number);
    expect(checkpoints.after(1)).toBeUndefined();
  }
});

it("holds nobody up for good when its thread cannot work", async () => {
  checkpoints = createCheckpoints(join(folder.path, "no such folder", "test.db"), 1);
  for (let number = 1; number < 200; number++) {
    write(number);
    await checkpoints.after(1);
    await new Promise(setImmediate);
  }
});
