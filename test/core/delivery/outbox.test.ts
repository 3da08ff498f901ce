import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createInbox, laneOf } from "../../../core/delivery/inbox.ts";
import { createOutbox, type Outbox } from "../../../core/delivery/outbox.ts";
import { openStore, type Store } from "../../../core/store/store.ts";
import { type FakeChannel, fakeChannel } from "../../fakes/channel.ts";
import { type RecordedLog, recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
let store: Store;
let channel: FakeChannel;
let outbox: Outbox;
let log: RecordedLog;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: 1_000_000 });
  store = await openStore(folder.path);
  channel = fakeChannel();
  log = recordedLog();
  outbox = newOutbox();
});
afterEach(async () => {
  await outbox.drain();
  await store.close();
  vi.useRealTimers();
});

const newOutbox = () =>
  createOutbox({
    store,
    adapters: new Map([["test", channel]]),
    now: () => new Date(),
    random: () => 1,
    log,
    signal: new AbortController().signal,
  });

/** Accepts a message and ends it with `parts`. */
const reply = async (id: string, parts: readonly string[], mayInline = false) => {
  const message = textMessage(id);
  const inbox = createInbox(store, () => new Date());
  await inbox.accept(message);
  const entry = await inbox.begin(laneOf(message));
  if (!entry) throw new Error("nothing pending");
  const { isInline } = await outbox.complete(entry, { tenantId: "sales", parts, mayInline });
  return { id: entry.id, isInline };
};

const states = async () =>
  (
    await store.db
      .selectFrom("outbox")
      .select("state")
      .orderBy("inbox_id")
      .orderBy("part")
      .execute()
  )
    .map((row) => row.state)
    .join(" ");
const bodies = () => channel.sent.map((part) => part.body);
const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { interval: 1 });

describe("outbox", () => {
  it("sends the parts of a reply in order and records each", async () => {
    await reply("m1", ["one", "two", "three"]);
    await eventually(async () => expect(await states()).toBe("delivered delivered delivered"));
    expect(bodies()).toEqual(["one", "two", "three"]);
  });

  it("gives each part an id that stays the same over tries and counts the tries", async () => {
    channel.outcomes.push({ kind: "unknown", reason: "timeout" });
    const { id } = await reply("m1", ["one"]);
    await eventually(() => expect(log.lines).toHaveLength(1));
    await vi.advanceTimersByTimeAsync(1_000);
    await eventually(async () => expect(await states()).toBe("delivered"));
    expect(channel.sent.map(({ id, attempt }) => ({ id, attempt }))).toEqual([
      { id: `${id}.0`, attempt: 1 },
      { id: `${id}.0`, attempt: 2 },
    ]);
  });

  it("waits as long as the platform asks before it tries again", async () => {
    channel.outcomes.push({ kind: "retry", afterMs: 60_000, reason: "45009" });
    await reply("m1", ["one"]);
    await eventually(() => expect(log.lines).toHaveLength(1));
    await vi.advanceTimersByTimeAsync(59_999);
    expect(channel.sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await eventually(() => expect(channel.sent).toHaveLength(2));
  });

  it("lays a refused reply aside with its reason, all of it, and says so", async () => {
    channel.outcomes.push({ kind: "delivered" }, { kind: "refused", reason: "60111" });
    await reply("m1", ["one", "two", "three"]);
    await eventually(async () => expect(await states()).toBe("delivered dead dead"));
    expect(bodies()).toEqual(["one", "two"]);
    expect(log.lines.at(-1)).toMatchObject({ level: "error", fields: { reason: "60111" } });
  });

  it("does not let a dead reply hold up the next one", async () => {
    channel.outcomes.push({ kind: "refused", reason: "60111" });
    await reply("m1", ["lost"]);
    await reply("m2", ["next"]);
    await eventually(async () => expect(await states()).toBe("dead delivered"));
  });

  it("gives up after a day of trying", async () => {
    const failing = Array.from(
      { length: 400 },
      () => ({ kind: "unknown", reason: "down" }) as const,
    );
    channel.outcomes.push(...failing);
    await reply("m1", ["one"]);
    await eventually(async () => {
      await vi.advanceTimersByTimeAsync(10 * 60_000);
      expect(await states()).toBe("dead");
    });
    expect(Date.now() - 1_000_000).toBeGreaterThan(24 * 60 * 60_000);
  });

  it("marks a text that went to the same person before, so that it is not taken for a duplicate", async () => {
    await reply("m1", ["same", "same"]);
    await eventually(async () => expect(await states()).toBe("delivered delivered"));
    expect(channel.sent.map((part) => part.isRepeat)).toEqual([false, true]);
  });

  it("sends after a restart what was stored and not sent", async () => {
    channel.outcomes.push({ kind: "retry", afterMs: 60_000, reason: "busy" });
    await reply("m1", ["one"]);
    await eventually(() => expect(log.lines).toHaveLength(1));
    await outbox.drain();
    outbox = newOutbox();
    await outbox.resume();
    await vi.advanceTimersByTimeAsync(60_000);
    await eventually(async () => expect(await states()).toBe("delivered"));
  });

  it("tells the next process that a part whose send was cut off is not sent for the first time", async () => {
    channel.outcomes.push(new Promise(() => {}));
    await reply("m1", ["one"]);
    await eventually(() => expect(channel.sent).toHaveLength(1));
    outbox = newOutbox();
    await outbox.resume();
    await eventually(async () => expect(await states()).toBe("delivered"));
    expect(channel.sent.map((part) => part.attempt)).toEqual([1, 2]);
  });

  it("takes an adapter that throws for a send of unknown outcome", async () => {
    const fault = Promise.reject(new Error("a bug"));
    fault.catch(() => {}); // it is met later
    channel.outcomes.push(fault);
    await reply("m1", ["one"]);
    await eventually(() => expect(log.lines.at(-1)).toMatchObject({ text: "send again later" }));
    await vi.advanceTimersByTimeAsync(1_000);
    await eventually(async () => expect(await states()).toBe("delivered"));
    expect(channel.sent.map((part) => part.attempt)).toEqual([1, 2]);
  });

  it("lays aside what belongs to a channel that is switched off", async () => {
    outbox = createOutbox({
      store,
      adapters: new Map(),
      now: () => new Date(),
      random: () => 1,
      log,
      signal: new AbortController().signal,
    });
    await reply("m1", ["one"]);
    await eventually(async () => expect(await states()).toBe("dead"));
  });
});

describe("an inline reply", () => {
  it("is delivered when its response was completely written, and not sent again", async () => {
    const { id, isInline } = await reply("m1", ["one"], true);
    expect(isInline).toBe(true);
    await outbox.inlineSettled(id, true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await states()).toBe("delivered");
    expect(channel.sent).toEqual([]);
  });

  it("is sent actively when its response broke off and the platform did not come back", async () => {
    const { id } = await reply("m1", ["one"], true);
    await outbox.inlineSettled(id, false);
    await vi.advanceTimersByTimeAsync(19_999);
    expect(channel.sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await eventually(async () => expect(await states()).toBe("delivered"));
    expect(bodies()).toEqual(["one"]);
  });

  it("travels again in the response to a redelivery, and then is not sent", async () => {
    const { id } = await reply("m1", ["one"], true);
    await outbox.inlineSettled(id, false);
    expect(await outbox.inlineBody(id)).toBe("one");
    await outbox.inlineSettled(id, true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(channel.sent).toEqual([]);
    expect(await outbox.inlineBody(id)).toBe("one");
  });

  it("holds up the next one no longer than its own response takes", async () => {
    const first = await reply("m1", ["one"], true);
    await reply("m2", ["two"]);
    await eventually(() => expect(vi.getTimerCount()).toBe(1));
    await outbox.inlineSettled(first.id, true);
    await eventually(async () => expect(await states()).toBe("delivered delivered"));
    expect(bodies()).toEqual(["two"]);
  });

  it("is not sent again because its delivery could not be recorded at first", async () => {
    const { id } = await reply("m1", ["one"], true);
    await sql`CREATE TRIGGER full BEFORE UPDATE ON outbox BEGIN SELECT RAISE(FAIL, 'full'); END`.execute(
      store.db,
    );
    await expect(outbox.inlineSettled(id, true)).rejects.toThrow("full");
    await sql`DROP TRIGGER full`.execute(store.db);
    await vi.advanceTimersByTimeAsync(20_000);
    await eventually(async () => expect(await states()).toBe("delivered"));
    expect(channel.sent).toEqual([]);
  });

  it("has no body for a redelivery once the reply went actively", async () => {
    const { id } = await reply("m1", ["one"]);
    expect(await outbox.inlineBody(id)).toBeUndefined();
  });

  it("is not taken for a reply of several parts", async () => {
    expect((await reply("m1", ["one", "two"], true)).isInline).toBe(false);
  });

  it("does not overtake an earlier reply that is still on its way", async () => {
    channel.outcomes.push({ kind: "retry", afterMs: 60_000, reason: "busy" });
    await reply("m1", ["first"]);
    expect((await reply("m2", ["second"], true)).isInline).toBe(false);
  });

  it("counts as delivered after a short crash, because the platform would have come back", async () => {
    await reply("m1", ["one"], true);
    await outbox.drain();
    vi.setSystemTime(Date.now() + 5_000);
    outbox = newOutbox();
    await outbox.resume();
    expect(await states()).toBe("delivered");
  });

  it("is sent actively after a long crash, in which the platform's redeliveries found nobody", async () => {
    await reply("m1", ["one"], true);
    await outbox.drain();
    vi.setSystemTime(Date.now() + 60_000);
    outbox = newOutbox();
    await outbox.resume();
    await eventually(async () => expect(await states()).toBe("delivered"));
    expect(bodies()).toEqual(["one"]);
  });
});
