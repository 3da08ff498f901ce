import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { afterChange, type ChangeAll } from "../../../core/store/after-change.ts";
import { createGroupCommit, type GroupCommit } from "../../../core/store/group-commit.ts";
import { openSqlite, type Sqlite } from "../../../core/store/sqlite.ts";
import type { Transaction, WriteAll } from "../../../core/store/store.ts";
import { eventually } from "../../fakes/eventually.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
let database: Sqlite;
let commits: GroupCommit;
/** Ends the syncs that are under way, one by one; what each of them found committed. */
let syncs: { readonly saw: unknown[]; end(cause?: Error): void }[];

beforeEach(() => {
  database = openSqlite(join(folder.path, "test.db"));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = NORMAL");
  database.prepare("CREATE TABLE kept (key TEXT)").run([]);
  syncs = [];
  // The works below speak to the database itself.
  commits = createGroupCommit(database, {} as Transaction, async () => {});
});
afterEach(() => database.close());

const withSyncsByHand = () =>
  createGroupCommit(
    database,
    {} as Transaction,
    () =>
      new Promise((resolve, reject) => {
        const end = (cause?: Error) => (cause ? reject(cause) : resolve());
        syncs.push({ saw: kept(), end });
      }),
  );

const insert = (key: string) => async () => {
  database.prepare("INSERT INTO kept VALUES (?)").run([key]);
};
const kept = () =>
  database
    .prepare("SELECT key FROM kept ORDER BY rowid")
    .all([])
    .map((row) => row.key);
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};
const stateOf = (work: Promise<unknown>) => Promise.race([work.then(() => "done"), "waits"]);

it("lets a durable work wait for a sync that began after its commit, and no other work", async () => {
  commits = withSyncsByHand();
  const durable = commits.add(insert("durable"), true);
  const other = commits.add(insert("other"), false);
  await other;
  await turns(10);
  expect(await stateOf(durable)).toBe("waits");
  expect(syncs.map(({ saw }) => saw)).toEqual([["durable", "other"]]);
  syncs[0]?.end();
  await durable;
});

it("syncs nothing for works that need not be durable", async () => {
  commits = withSyncsByHand();
  await Promise.all([commits.add(insert("a"), false), commits.add(insert("b"), false)]);
  await commits.drained();
  expect(syncs).toEqual([]);
});

it("lets all that comes while the disk syncs share the next commit and its sync", async () => {
  commits = withSyncsByHand();
  const works = [commits.add(insert("a"), true)];
  await eventually(() => expect(syncs).toHaveLength(1));
  for (const key of ["b", "c", "d"]) {
    works.push(commits.add(insert(key), true));
    await turns(5);
  }
  expect(kept()).toEqual(["a"]);
  syncs[0]?.end();
  await eventually(() => expect(syncs).toHaveLength(2));
  expect(syncs[1]?.saw).toEqual(["a", "b", "c", "d"]);
  syncs[1]?.end();
  await Promise.all(works);
});

it("begins no batch while the end of the log is moved", async () => {
  let moved = () => {};
  const moving = new Promise<void>((resolve) => {
    moved = resolve;
  });
  const batches: number[] = [];
  commits = createGroupCommit(
    database,
    {} as Transaction,
    async () => {},
    (works) => {
      batches.push(works);
      return batches.length === 1 ? moving : undefined;
    },
  );
  await Promise.all([commits.add(insert("a"), true), commits.add(insert("b"), true)]);
  const later = commits.add(insert("c"), true);
  await turns(10);
  expect(kept()).toEqual(["a", "b"]);
  moved();
  await later;
  expect(kept()).toEqual(["a", "b", "c"]);
  await commits.drained();
  expect(batches).toEqual([2, 1]);
});

it("moves no log that the disk has not kept", async () => {
  const batches: number[] = [];
  commits = createGroupCommit(
    database,
    {} as Transaction,
    () => Promise.reject(new Error("EIO: i/o error, fdatasync")),
    (works) => {
      batches.push(works);
      return undefined;
    },
  );
  await expect(commits.add(insert("lost"), true)).rejects.toThrow("the disk did not keep");
  await commits.drained();
  batches.length = 0;
  await expect(commits.add(insert("later"), true)).rejects.toThrow("the disk did not keep");
  await commits.drained();
  expect(batches).toEqual([]);
});

it("does nothing any more once the disk has not kept what was written", async () => {
  commits = withSyncsByHand();
  const lost = commits.add(insert("lost"), true);
  await eventually(() => expect(syncs).toHaveLength(1));
  const behind = commits.add(insert("behind"), true);
  syncs[0]?.end(new Error("EIO: i/o error, fdatasync"));
  const why = /the disk did not keep what was written \(EIO.*check it, then restart/;
  await expect(lost).rejects.toThrow(why);
  await expect(behind).rejects.toThrow(why);
  await expect(commits.add(insert("later"), true)).rejects.toThrow(why);
  await expect(commits.add(insert("note"), false)).rejects.toThrow(why);
  expect(() => commits.check()).toThrow(why);
  expect(kept()).toEqual(["lost"]);
  expect(syncs).toHaveLength(1);
});

it("does nothing any more either of a batch that is done one by one, since a work of it threw", async () => {
  commits = withSyncsByHand();
  const throws = async () => {
    throw new Error("its own affair");
  };
  const works = [insert("lost"), throws, insert("behind")];
  const outcomes = Promise.allSettled(works.map((work) => commits.add(work, true)));
  await eventually(() => expect(syncs).toHaveLength(1));
  syncs[0]?.end(new Error("EIO: i/o error, fdatasync"));
  const why = expect.objectContaining({ message: expect.stringMatching(/the disk did not keep/) });
  const refused = { status: "rejected", reason: why };
  expect(await outcomes).toEqual([refused, refused, refused]);
  expect(kept()).toEqual(["lost"]);
});

it("waits once for a lock that another process keeps, however many works come together", async () => {
  const other = openSqlite(join(folder.path, "test.db"));
  other.prepare("BEGIN IMMEDIATE").run([]);
  database.pragma("busy_timeout = 1");
  const begin = vi.spyOn(database.prepare("BEGIN IMMEDIATE"), "run");
  const outcomes = await Promise.allSettled(
    ["a", "b", "c"].map((key) => commits.add(insert(key), true)),
  );
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(begin).toHaveBeenCalledTimes(1);
  other.prepare("ROLLBACK").run([]);
  other.close();
  await commits.add(insert("later"), true);
  expect(kept()).toEqual(["later"]);
});

it("is drained only when the disk has synced", async () => {
  commits = withSyncsByHand();
  void commits.add(insert("a"), true);
  const drained = commits.drained();
  await eventually(() => expect(syncs).toHaveLength(1));
  await turns(10);
  expect(await stateOf(drained)).toBe("waits");
  syncs[0]?.end();
  await drained;
});

it("lets into a commit what arrives turn after turn of the event loop", async () => {
  commits = withSyncsByHand();
  const works: Promise<unknown>[] = [];
  for (const key of ["a", "b", "c", "d"]) {
    const nextTurn = new Promise(setImmediate); // queued before the one that the commit waits for
    works.push(commits.add(insert(key), key === "d"));
    await nextTurn;
  }
  await eventually(() => expect(syncs).toHaveLength(1));
  expect(syncs[0]?.saw).toEqual(["a", "b", "c", "d"]);
  syncs[0]?.end();
  await Promise.all(works);
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

it("makes what works depend on before the first of them, at once for all of them, and nothing in between", async () => {
  const calls: string[][] = [];
  const change: ChangeAll<string> = async (_, keys) => {
    calls.push([...keys]);
    for (const key of keys) await insert(key)();
    return keys.length;
  };
  const works = ["a", "b", "c"].map((key) => afterChange(change, key, insert(key.toUpperCase())));
  const [first, ...others] = works;
  if (!first) throw new Error("no works");
  await Promise.all([first, insert("other"), ...others].map((work) => commits.add(work, true)));
  expect(kept()).toEqual(["a", "b", "c", "A", "B", "C", "other"]);
  expect(calls).toEqual([["a", "b", "c"]]);
});

it("tells each work whether its change was made, however many share its commit", async () => {
  const rename = database.prepare("UPDATE kept SET key = upper(key) WHERE key = ?");
  const change: ChangeAll<string> = (_, keys) =>
    keys.reduce((changed, key) => changed + rename.run([key]).changes, 0);
  await Promise.all(["a", "b"].map((key) => commits.add(insert(key), true)));
  const works = ["a", "none", "b", "b"].map((key) =>
    afterChange(change, key, async (_, isChanged) => {
      if (isChanged) await insert(`after ${key}`)();
      return isChanged;
    }),
  );
  const told = await Promise.all(works.map((work) => commits.add(work, true)));
  expect(told).toEqual([true, false, true, false]);
  expect(kept()).toEqual(["A", "B", "after a", "after b"]);
});

it("has what works leave written at the end of their commit, at once for all of them", async () => {
  const calls: string[][] = [];
  const write: WriteAll<string> = async (_, keys) => {
    calls.push([...keys]);
    for (const key of keys) await insert(key)();
  };
  const works = ["a", "b", "c"].map((key) =>
    commits.add(async (transaction) => {
      await transaction.leave(write, key);
      await insert(key.toUpperCase())();
    }, true),
  );
  await Promise.all(works);
  expect(kept()).toEqual(["A", "B", "C", "a", "b", "c"]);
  expect(calls).toEqual([["a", "b", "c"]]);
});

it("keeps nothing of what a work that threw had left, or could not be written for it", async () => {
  const write: WriteAll<string> = async (_, keys) => {
    for (const key of keys) await insert(key)();
    if (keys.includes("bad")) throw new Error("not to be written");
  };
  const leave = (key: string) => (transaction: Transaction) => transaction.leave(write, key);
  const throws = async (transaction: Transaction) => {
    await transaction.leave(write, "thrown");
    throw new Error("its own affair");
  };
  const works = [leave("a"), throws, leave("b"), leave("bad"), leave("c")];
  const outcomes = await Promise.allSettled(works.map((work) => commits.add(work, true)));
  const statuses = outcomes.map(({ status }) => status);
  expect(statuses).toEqual(["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"]);
  await commits.add(leave("d"), true);
  expect(kept()).toEqual(["a", "b", "c", "d"]);
});
