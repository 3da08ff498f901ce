import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createGroupCommit, type GroupCommit } from "../../../core/store/group-commit.ts";
import { openSqlite, type Sqlite } from "../../../core/store/sqlite.ts";
import type { Transaction } from "../../../core/store/store.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
let database: Sqlite;
let commits: GroupCommit;

beforeEach(() => {
  database = openSqlite(join(folder.path, "test.db"));
  database.pragma("journal_mode = WAL");
  database.prepare("CREATE TABLE kept (key TEXT)").run([]);
  // The works below speak to the database itself.
  commits = createGroupCommit(database, {} as Transaction);
});
afterEach(() => database.close());

const insert = (key: string) => async () => {
  database.prepare("INSERT INTO kept VALUES (?)").run([key]);
  return level();
};
const level = () => database.prepare("PRAGMA synchronous").all([])[0]?.synchronous;
const kept = () =>
  database
    .prepare("SELECT key FROM kept ORDER BY rowid")
    .all([])
    .map((row) => row.key);

const NORMAL = 1;
const FULL = 2;

it("syncs the disk for a durable work and not for another, however often they alternate", async () => {
  for (const isDurable of [true, false, true, true, false, false, true]) {
    expect(await commits.add(insert("a"), isDurable)).toBe(isDurable ? FULL : NORMAL);
  }
});

it("syncs the disk for all that share a commit with a durable work", async () => {
  const levels = await Promise.all([
    commits.add(insert("a"), false),
    commits.add(insert("b"), true),
  ]);
  expect(levels).toEqual([FULL, FULL]);
});

it("lets into a commit what arrives turn after turn of the event loop", async () => {
  const levels: Promise<unknown>[] = [];
  for (const key of ["a", "b", "c", "d"]) {
    const nextTurn = new Promise(setImmediate); // queued before the one that the commit waits for
    levels.push(commits.add(insert(key), key === "d"));
    await nextTurn;
  }
  expect(await Promise.all(levels)).toEqual([FULL, FULL, FULL, FULL]);
});

it("keeps nobody waiting for more when there is enough", async () => {
  let isWritten = false;
  const first = commits.add(insert("first"), true).then(() => {
    isWritten = true;
  });
  const others: Promise<unknown>[] = [];
  while (!isWritten && others.length < 1_000) {
    others.push(commits.add(insert("more"), true));
    await new Promise(setImmediate);
  }
  expect(others.length).toBeLessThan(100);
  await Promise.all([first, ...others]);
});

it("commits works that arrive together in their order", async () => {
  await Promise.all(["a", "b", "c"].map((key) => commits.add(insert(key), true)));
  expect(kept()).toEqual(["a", "b", "c"]);
});

it("keeps what a full disk let through, and nothing of what it did not", async () => {
  await commits.add(insert("before"), true);
  database.pragma("max_page_count = 1"); // what is in use already stays usable
  const large = async () => {
    database.prepare("INSERT INTO kept VALUES (zeroblob(1000000))").run([]);
  };
  const outcomes = await Promise.allSettled([commits.add(large, true), commits.add(large, false)]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["rejected", "rejected"]);
  database.pragma("max_page_count = 1000000");
  await commits.add(insert("after"), true);
  expect(kept()).toEqual(["before", "after"]);
});
