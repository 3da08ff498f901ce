import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { takeReplicaLock } from "../../../core/store/replica-lock.ts";
import { openStore, type Store, type Work } from "../../../core/store/store.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
let store: Store;

beforeEach(async () => {
  store = await openStore(folder.path);
});
afterEach(() => store.close());

const insert =
  (key: string): Work<void> =>
  async (transaction) => {
    await transaction
      .insertInto("inbox")
      .values({
        channel: "test",
        key,
        lane: "lane",
        message: Buffer.from("{}"),
        state: "pending",
        received_at: 0,
      })
      .execute();
  };

const keys = async () =>
  (await store.db.selectFrom("inbox").select("key").orderBy("id").execute()).map((row) => row.key);

describe("openStore", () => {
  it("keeps what was written when it is opened again", async () => {
    await store.write(insert("a"));
    await store.close();
    store = await openStore(folder.path);
    expect(await keys()).toEqual(["a"]);
  });

  it("commits works that arrive together in their order", async () => {
    await Promise.all(["a", "b", "c"].map((key) => store.write(insert(key))));
    expect(await keys()).toEqual(["a", "b", "c"]);
  });

  it("rolls back only the work that throws, not those that share its commit", async () => {
    const failing: Work<void> = async (transaction) => {
      await insert("half done")(transaction);
      throw new Error("no");
    };
    const outcomes = await Promise.allSettled([
      store.write(insert("before")),
      store.write(failing),
      store.write(insert("after")),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(await keys()).toEqual(["before", "after"]);
  });

  it("keeps what a full disk let through, and nothing of what it did not", async () => {
    await store.write(insert("before"));
    await sql`PRAGMA max_page_count = 1`.execute(store.db); // what is already in use stays usable
    const large: Work<void> = async (transaction) => {
      await sql`CREATE TABLE large AS SELECT zeroblob(1000000) AS bytes`.execute(transaction);
    };
    const outcomes = await Promise.allSettled([store.write(large), store.note(large)]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["rejected", "rejected"]);
    await sql`PRAGMA max_page_count = 1000000`.execute(store.db);
    await store.write(insert("after"));
    expect(await keys()).toEqual(["before", "after"]);
  });

  it.each([
    ["the store", openStore],
    ["the lock", async (path: string) => takeReplicaLock(path)],
  ])("says which file of %s cannot be written, and what to do", async (_what, open) => {
    const file = join(folder.path, "a-file");
    writeFileSync(file, "");
    await expect(open(file)).rejects.toThrow(/cannot write .*a-file.*ENOTDIR.*storage\.url/);
  });

  it("makes the folders above it, and says so at once where none can be made", async () => {
    const deep = await openStore(join(folder.path, "a", "b"));
    await deep.close();
    await expect(openStore("/proc/nope")).rejects.toThrow(/cannot write .*storage\.url/);
  });

  it("says why a file that is no store cannot be opened", async () => {
    const other = join(folder.path, "other");
    mkdirSync(other);
    writeFileSync(join(other, "clawgate.db"), "no database".repeat(1_000));
    await expect(openStore(other)).rejects.toThrow(/clawgate\.db: file is not a database/);
  });

  it("lets nobody but its owner read it, also in a folder that others may enter", async () => {
    await store.write(insert("a"));
    for (const name of readdirSync(folder.path)) {
      expect([name, statSync(join(folder.path, name)).mode & 0o077]).toEqual([name, 0]);
    }
  });

  it("finishes what was begun before it closes", async () => {
    const written = store.write(insert("a"));
    await store.close();
    await written;
    store = await openStore(folder.path);
    expect(await keys()).toEqual(["a"]);
  });

  it("syncs the disk for a write and not for a note", async () => {
    const level = async () => {
      const { rows } = await sql<{ synchronous: number }>`PRAGMA synchronous`.execute(store.db);
      return rows[0]?.synchronous;
    };
    await store.note(insert("a"));
    expect(await level()).toBe(1);
    await Promise.all([store.note(insert("b")), store.write(insert("c"))]);
    expect(await level()).toBe(2);
  });
});

describe("the audit table", () => {
  const record = {
    at: 0,
    trace_id: "t",
    tenant_id: "sales",
    channel: "test",
    workspace_id: "w",
    sender_id: "s",
    message_key: "k",
    action: "message",
    subject: "text",
    decision: "answered",
    code: "OK",
    duration_ms: 1,
    detail: "{}",
  };

  it("refuses to be rewritten or emptied", async () => {
    await store.write((transaction) => transaction.insertInto("audit").values(record).execute());
    const rewrite = store.write((transaction) =>
      transaction.updateTable("audit").set({ decision: "refused" }).execute(),
    );
    const empty = store.write((transaction) => transaction.deleteFrom("audit").execute());
    await expect(rewrite).rejects.toThrow(/append-only/);
    await expect(empty).rejects.toThrow(/append-only/);
    expect(await store.db.selectFrom("audit").select("decision").execute()).toEqual([
      { decision: "answered" },
    ]);
  });
});

describe("takeReplicaLock", () => {
  it("refuses a second gateway on the same store until the first lets go", () => {
    const lock = takeReplicaLock(folder.path);
    expect(() => takeReplicaLock(folder.path)).toThrow(/another gateway already runs/);
    lock.release();
    takeReplicaLock(folder.path).release();
  });
});
