import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SendOutcome } from "../../../core/contract/channel.ts";
import { eraseMessages, eraseReplies } from "../../../core/data-rights/person-rows.ts";
import { laneOf } from "../../../core/delivery/lane.ts";
import { manyIds } from "../../../core/delivery/many-ids.ts";
import type { Lane } from "../../../core/delivery/schedule.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import type { Store, Work } from "../../../core/store/store.ts";
import { type FakeChannel, fakeChannel } from "../../fakes/channel.ts";
import {
  begin,
  type DeliveryProcess,
  type DeliveryProcessOptions,
  deliveryProcess,
} from "../../fakes/delivery-process.ts";
import { eventually } from "../../fakes/eventually.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const sales = tenantScope("sales");
const wei: Lane = { id: laneOf(textMessage("x")), tenantId: "sales" };
const LEASE_MS = 15_000;
const HOUR_MS = 60 * 60_000;

const folder = temporaryFolder();
let time: number;
const now = () => new Date(time);
beforeEach(() => {
  time = Date.UTC(2026, 2, 1);
  // Leases are renewed when a test says so.
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Whether a row that was read is a reply that travels in a response. */
const isInline = (row: unknown): boolean =>
  typeof row === "object" && row !== null && "via" in row && row.via === "inline";

/** A send whose end the test decides. */
const held = () => {
  let end: (outcome: SendOutcome) => void = () => {};
  const outcome = new Promise<SendOutcome>((resolve) => {
    end = resolve;
  });
  return { outcome, end: (with_: SendOutcome) => end(with_) };
};

describeStores("outbox", (world) => {
  let channel: FakeChannel;
  let process: DeliveryProcess;

  const start = (options: Partial<DeliveryProcessOptions> = {}) =>
    deliveryProcess({
      ...{ store: world.store, folder: folder.path, now, adapters: new Map([["test", channel]]) },
      ...options,
    });
  /** Another process on the same store. */
  const another = async (options: Partial<DeliveryProcessOptions> = {}) =>
    start({ store: await world.open(), ...options });

  beforeEach(async () => {
    channel = fakeChannel();
    process = await start();
  });

  /** Accepts a message and ends it with `parts`. */
  const reply = async (id: string, parts: readonly string[], mayInline = false, by = process) => {
    await by.inbox.accept({ ...textMessage(id), sentAt: now() }, sales);
    const entry = await begin(by, wei);
    const { isInline } = await by.outbox.complete(entry, { parts, mayInline });
    return { inboxId: entry.id, scope: sales, lane: entry.lane, isInline };
  };
  const step = (by = process) => by.outbox.step(wei);
  /** Steps for as long as there is something to do at once; what the last one said. */
  const work = async (by = process) => {
    for (;;) {
      const next = await step(by);
      if (next !== "again") return next;
    }
  };
  const states = async () =>
    (await world.sql("SELECT state FROM outbox ORDER BY inbox_id, part"))
      .map((row) => row.state)
      .join(" ");
  const messages = async () =>
    (await world.sql("SELECT state FROM inbox ORDER BY id")).map((row) => row.state).join(" ");
  const bodies = () => channel.sent.map((part) => part.body);

  describe("sending", () => {
    it("sends the parts of a reply in order, records each, and is done", async () => {
      await reply("m1", ["one", "two", "three"]);
      expect(process.woken).toEqual([wei]);
      expect(await messages()).toBe("answered");
      expect(await step()).toBe("again");
      expect(await states()).toBe("delivered pending pending");
      expect(await messages()).toBe("answered");
      expect(await work()).toBe("idle");
      expect(bodies()).toEqual(["one", "two", "three"]);
      expect(await states()).toBe("delivered delivered delivered");
      expect(await messages()).toBe("done");
    });

    it("leaves nothing of a lane behind, whichever replies it did not have to read again", async () => {
      const alone = await start({ isAlone: true });
      let sent = 0;
      for (const shape of ["111", "121", "211", "112", "212"]) {
        // One wake for all of them: they are stored while the lane waits for its turn.
        for (const [place, parts] of [...shape].entries()) {
          const bodies = parts === "1" ? [`${sent++}`] : [`${sent++}`, `${sent++}`];
          await reply(`${shape}.${place}`, bodies, false, alone);
        }
        expect(await work(alone)).toBe("idle");
        expect(bodies()).toEqual(Array.from({ length: sent }, (_, place) => String(place)));
      }
      expect(await messages()).not.toContain("answered");
    });

    it("ends as many turns as are still its own at once, and answers none that is not", async () => {
      const entries = [];
      for (const person of ["wei", "li", "taken", "zhao", "erased", "wang"]) {
        const message = textMessage(`m-${person}`, "hello", person);
        await process.inbox.accept(message, sales);
        entries.push(await begin(process, { id: laneOf(message), tenantId: "sales" }));
      }
      await world.sql("UPDATE inbox SET owner = 'another' WHERE key = 'm-taken'");
      await world.sql("UPDATE inbox SET state = 'done', owner = '' WHERE key = 'm-erased'");
      const ended = await Promise.all(
        entries.map((entry, place) => {
          const parts = entry.message.id === "m-zhao" ? [] : [`${place}`];
          return process.outbox.complete(entry, { parts, mayInline: false });
        }),
      );
      expect(ended.map(({ isOurs }) => isOurs)).toEqual([true, true, false, true, false, true]);
      expect(await messages()).toBe("answered answered pending done done answered");
      const answered = await world.sql(
        "SELECT key FROM outbox JOIN inbox ON inbox.id = outbox.inbox_id ORDER BY inbox.id",
      );
      expect(answered.map((row) => row.key)).toEqual(["m-wei", "m-li", "m-wang"]);
    });

    it("leaves no reply of a message that is erased in the same moment", async () => {
      const entries = [];
      for (const person of ["wei", "li"]) {
        const message = textMessage(`m-${person}`, "hello", person);
        await process.inbox.accept(message, sales);
        entries.push(await begin(process, { id: laneOf(message), tenantId: "sales" }));
      }
      const [many] = manyIds(sales, [entries[0]?.id ?? 0]);
      if (!many) throw new Error("no ids");
      await Promise.all([
        world.store.write(sales, async (transaction) => {
          await transaction.run(eraseMessages, many);
          await transaction.run(eraseReplies, many);
        }),
        ...entries.map((entry) =>
          process.outbox.complete(entry, { parts: ["hi"], mayInline: false }),
        ),
      ]);
      const answered = await world.sql(
        "SELECT key FROM outbox JOIN inbox ON inbox.id = outbox.inbox_id",
      );
      expect(answered).toEqual([{ key: "m-li" }]);
    });

    it("sends what it has just stored without reading it", async () => {
      const alone = await start({ isAlone: true });
      Object.assign(channel, { takesRepeats: true });
      await reply("m1", ["one"], false, alone);
      const read = vi.spyOn(world.store, "read");
      expect(await step(alone)).toBe("idle");
      expect(read).not.toHaveBeenCalled();
      expect(bodies()).toEqual(["one"]);
      expect(await states()).toBe("delivered");
      read.mockRestore();
    });

    it("does not send what it has just stored before what another process left in its lane", async () => {
      await reply("m1", ["one"], false, await another());
      await reply("m2", ["two"]);
      await work();
      expect(bodies()).toEqual(["one", "two"]);
    });

    it("never tells a channel of repeats that takes identical texts as they come", async () => {
      Object.assign(channel, { takesRepeats: true });
      for (const id of ["m1", "m2", "m3"]) await reply(id, ["yes"]);
      await work();
      expect(channel.sent.map((part) => part.isRepeat)).toEqual([false, false, false]);
    });

    it("sends the replies of a lane in the order of their messages", async () => {
      await reply("m1", ["one", "two"]);
      await reply("m2", ["three"]);
      await work();
      expect(bodies()).toEqual(["one", "two", "three"]);
    });

    it("hands each part over as it was stored, to where its message came from", async () => {
      const { inboxId } = await reply("m1", ["NUL \0 lone \ud800 👩‍👩‍👧"]);
      await work();
      expect(channel.sent).toEqual([
        {
          id: `${inboxId}.0`,
          target: textMessage("m1").target,
          // What is no text cannot be sent as UTF-8; everything else arrives.
          body: "NUL \0 lone \ufffd 👩‍👩‍👧",
          attempt: 1,
          isRepeat: false,
        },
      ]);
      expect(channel.asked).toEqual([]);
    });

    it("lets nothing out when what belongs to the reply cannot be stored", async () => {
      await process.inbox.accept(textMessage("m1"), sales);
      const entry = await begin(process, wei);
      const also = () => Promise.reject(new Error("no record, no reply"));
      await expect(
        process.outbox.complete(entry, { parts: ["answer"], mayInline: false, also }),
      ).rejects.toThrow("no record, no reply");
      expect(await step()).toBe("idle");
      expect(await messages()).toBe("pending");
    });

    it("is done at once with a message that is met with silence", async () => {
      await reply("m1", []);
      expect(await messages()).toBe("done");
      expect(process.woken).toEqual([]);
      expect(await step()).toBe("idle");
    });

    it("gives each part an id that stays the same over tries and processes", async () => {
      channel.outcomes.push({ kind: "delivered" }, { kind: "unknown", reason: "timeout" });
      const { inboxId } = await reply("m1", ["one", "two"]);
      await work();
      time += 1_000;
      await work(await another());
      expect(channel.sent.map(({ id, attempt }) => ({ id, attempt }))).toEqual([
        { id: `${inboxId}.0`, attempt: 1 },
        { id: `${inboxId}.1`, attempt: 1 },
        { id: `${inboxId}.1`, attempt: 2 },
      ]);
    });

    it("lists lanes with replies that are not out yet, page by page", async () => {
      expect(await process.outbox.lanes(undefined, 10)).toEqual([]);
      await reply("m1", ["one"]);
      expect(await process.outbox.lanes(undefined, 10)).toEqual([wei]);
      expect(await process.outbox.lanes(wei, 10)).toEqual([]);
      await work();
      expect(await process.outbox.lanes(undefined, 10)).toEqual([]);
    });

    it("marks a text that went to the same person before, so that it is not taken for a duplicate", async () => {
      await reply("m1", ["same", "same"]);
      await reply("m2", ["same"]);
      await work();
      expect(channel.sent.map((part) => part.isRepeat)).toEqual([false, true, true]);
      time += HOUR_MS + 1;
      await reply("m3", ["same"]);
      await work();
      expect(channel.sent.at(-1)?.isRepeat).toBe(false);
    });
  });

  describe("a send that did not end well", () => {
    it.each([
      { random: 0, pauseMs: 500 },
      { random: 0.5, pauseMs: 750 },
    ])("is tried again after a pause that is spread: $pauseMs ms at $random", async (spread) => {
      process = await start({ random: () => spread.random });
      channel.outcomes.push({ kind: "unknown", reason: "timeout" });
      await reply("m1", ["one"]);
      expect(await work()).toEqual({ afterMs: spread.pauseMs });
      time += spread.pauseMs - 1;
      expect(await step()).toEqual({ afterMs: 1 });
      time += 1;
      expect(await work()).toBe("idle");
      expect(channel.sent).toHaveLength(2);
    });

    it("waits twice as long after each try, five minutes at most", async () => {
      channel.outcomes.push(
        ...Array.from({ length: 11 }, () => ({ kind: "unknown", reason: "down" }) as const),
      );
      await reply("m1", ["one"]);
      const pauses: number[] = [];
      for (let next = await work(); next !== "idle"; next = await work()) {
        pauses.push(next.afterMs);
        time += next.afterMs;
      }
      expect(pauses).toEqual([
        ...[500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000],
        ...[150_000, 150_000],
      ]);
    });

    it("waits as long as the platform asks before it tries again", async () => {
      channel.outcomes.push({ kind: "retry", afterMs: 60_000, reason: "45009" });
      await reply("m1", ["one"]);
      expect(await work()).toEqual({ afterMs: 60_000 });
      time += 60_000;
      expect(await work()).toBe("idle");
      expect(channel.sent).toHaveLength(2);
    });

    it("holds up what comes after it in its lane", async () => {
      channel.outcomes.push({ kind: "retry", afterMs: 60_000, reason: "busy" });
      await reply("m1", ["one", "two"]);
      await reply("m2", ["three"]);
      expect(await work()).toEqual({ afterMs: 60_000 });
      time += 60_000;
      await work();
      expect(bodies()).toEqual(["one", "one", "two", "three"]);
    });

    it("is a dead letter with its reason when the platform refuses it, all that is left of it", async () => {
      channel.outcomes.push({ kind: "delivered" }, { kind: "refused", reason: "60111" });
      await reply("m1", ["one", "two", "three"]);
      await reply("m2", ["next"]);
      expect(await work()).toBe("idle");
      expect(await states()).toBe("delivered dead dead delivered");
      expect(await messages()).toBe("dead done");
      expect(bodies()).toEqual(["one", "two", "next"]);
      expect(await world.sql("SELECT reason FROM inbox WHERE state = 'dead'")).toEqual([
        { reason: "60111" },
      ]);
      expect(process.log.lines).toMatchObject([
        { level: "error", fields: { reason: "60111", alert: "dead_letter" } },
      ]);
    });

    it("gives up after a day of trying", async () => {
      channel.outcomes.push(
        ...Array.from({ length: 600 }, () => ({ kind: "unknown", reason: "down" }) as const),
      );
      await reply("m1", ["one"]);
      const since = time;
      let last = since;
      for (let next = await work(); next !== "idle"; next = await work()) {
        last = time;
        time += next.afterMs;
      }
      expect(last - since).toBeLessThanOrEqual(24 * HOUR_MS);
      expect(time - since).toBeGreaterThan(24 * HOUR_MS);
      expect(await states()).toBe("dead");
      expect(await messages()).toBe("dead");
    });

    it("is not given up because the clock was set a day forward, but after a dozen tries", async () => {
      channel.outcomes.push(
        ...Array.from(
          { length: 12 },
          () => ({ kind: "retry", afterMs: 1, reason: "busy" }) as const,
        ),
      );
      await reply("m1", ["one"]);
      time += 25 * HOUR_MS;
      for (let next = await work(); next !== "idle"; next = await work()) {
        expect(await states()).toBe("pending");
        time += next.afterMs;
      }
      expect(channel.sent).toHaveLength(12);
      expect(await states()).toBe("dead");
    });

    it("waits no day, and holds nothing up, because the clock was set a day back", async () => {
      channel.outcomes.push({ kind: "retry", afterMs: 60_000, reason: "busy" });
      await reply("m1", ["one"]);
      expect(await work()).toEqual({ afterMs: 60_000 });
      time -= 24 * HOUR_MS;
      expect(await work()).toBe("idle");
      expect(await states()).toBe("delivered");
    });

    it("is left to the response that may be carrying it when the clock is set a day back", async () => {
      const row = await reply("m1", ["one"], true);
      time -= 24 * HOUR_MS;
      expect(await step()).toMatchObject({ afterMs: expect.any(Number) });
      await process.outbox.inlineSettled(row, false);
      expect(await work()).toBe("idle");
      expect(bodies()).toEqual(["one"]);
    });

    it("waits an hour at most, whatever the platform says", async () => {
      channel.outcomes.push({ kind: "retry", afterMs: 48 * HOUR_MS, reason: "busy" });
      await reply("m1", ["one"]);
      expect(await work()).toEqual({ afterMs: HOUR_MS });
    });

    it("is of unknown outcome when the adapter throws", async () => {
      const fault = Promise.reject(new Error("a bug"));
      fault.catch(() => {}); // it is met later
      channel.outcomes.push(fault);
      await reply("m1", ["one"]);
      expect(await work()).toEqual({ afterMs: 500 });
      expect(process.log.lines).toMatchObject([
        { level: "error", fields: { alert: "adapter_threw" } },
        { level: "warn", fields: { outcome: "unknown" } },
      ]);
    });

    it("is a dead letter when its channel is switched off", async () => {
      process = await start({ adapters: new Map() });
      await reply("m1", ["one"]);
      expect(await work()).toBe("idle");
      expect(await states()).toBe("dead");
      expect(await world.sql("SELECT reason FROM inbox")).toEqual([
        { reason: "channel test is switched off" },
      ]);
    });

    it("is a dead letter when its stored bytes were changed", async () => {
      await reply("m1", ["to one"]);
      await reply("m2", ["to another"]);
      await world.sql(
        "UPDATE outbox SET content = (SELECT content FROM outbox ORDER BY inbox_id DESC LIMIT 1)",
      );
      // Whoever stored it need not read it again.
      expect(await work(await another())).toBe("idle");
      expect(await states()).toBe("dead delivered");
      expect(bodies()).toEqual(["to another"]);
    });
  });

  describe("a part whose earlier try may have arrived", () => {
    const unknown = { kind: "unknown", reason: "timeout" } as const;
    /** A part after a try of unknown outcome, due now. */
    const unsure = async () => {
      channel.outcomes.push(unknown);
      const sent = await reply("m1", ["one"]);
      await work();
      time += 500;
      return sent;
    };

    it("is asked for at the platform before it is sent again", async () => {
      const { inboxId } = await unsure();
      expect(channel.asked).toEqual([]);
      expect(await work()).toBe("idle");
      expect(channel.asked).toMatchObject([{ id: `${inboxId}.0`, body: "one", attempt: 2 }]);
      expect(channel.sent).toHaveLength(2);
    });

    it("is not sent again when the platform has it", async () => {
      await unsure();
      channel.answers.push({ kind: "delivered" });
      expect(await work()).toBe("idle");
      expect(channel.sent).toHaveLength(1);
      expect(await messages()).toBe("done");
    });

    it("waits, and is asked for again, when that cannot be told for now", async () => {
      await unsure();
      channel.answers.push({ kind: "retry", afterMs: 30_000, reason: "cannot look" });
      expect(await work()).toEqual({ afterMs: 30_000 });
      expect(channel.sent).toHaveLength(1);
      time += 30_000;
      await work();
      expect(channel.asked).toHaveLength(2);
    });

    it("stays in doubt after a later try that certainly did not arrive", async () => {
      await unsure();
      channel.outcomes.push({ kind: "retry", afterMs: 1, reason: "busy" });
      await work();
      time += 1_000;
      await work();
      expect(channel.asked).toHaveLength(2);
    });

    it("is not asked for when no try can have arrived", async () => {
      channel.outcomes.push({ kind: "retry", afterMs: 1, reason: "busy" });
      await reply("m1", ["one"]);
      await work();
      time += 1_000;
      expect(await work()).toBe("idle");
      expect(channel.asked).toEqual([]);
    });

    it("is asked for by the next process after a crash between send and mark", async () => {
      channel.outcomes.push(new Promise(() => {}));
      await reply("m1", ["one"]);
      void step();
      await eventually(() => expect(channel.sent).toHaveLength(1));
      const next = await another();
      expect(await step(next)).toEqual({ afterMs: LEASE_MS });
      time += LEASE_MS;
      expect(await work(next)).toBe("idle");
      expect(channel.asked).toMatchObject([{ attempt: 2 }]);
      expect(channel.sent).toHaveLength(2);
    });

    it.each([1, 2])(
      "is asked for by the next process after a power loss right after the send of the first of %i",
      async (parts) => {
        const store = await world.open();
        let isLost = false;
        /** What only outlives the process is undone. */
        const note: Store["note"] = async (access, work) => {
          if (!isLost) return store.note(access, work);
          const undone = new Error("power loss");
          let value: unknown;
          const undo: Work<void> = async (transaction) => {
            value = await work(transaction);
            throw undone;
          };
          await store.write(access, undo).catch((cause) => expect(cause).toBe(undone));
          return value as Awaited<ReturnType<typeof work>>;
        };
        const unlucky = await another({ store: Object.assign(Object.create(store), { note }) });
        const texts = Array.from({ length: parts }, (_, part) => `part ${part}`);
        await reply("m1", texts, false, unlucky);
        isLost = true;
        await step(unlucky);
        expect(bodies()).toEqual(["part 0"]);
        channel.answers.push({ kind: "delivered" });
        time += LEASE_MS;
        expect(await work(await another())).toBe("idle");
        expect(channel.asked).toMatchObject([{ body: "part 0", attempt: 2 }]);
        expect(bodies()).toEqual(texts);
      },
    );

    it("is sent after a restart when nothing was tried before", async () => {
      await reply("m1", ["one"]);
      const next = await another();
      expect(await work(next)).toBe("idle");
      expect(channel.asked).toEqual([]);
      expect(bodies()).toEqual(["one"]);
    });

    it("is not sent again because its delivery could not be recorded at first", async () => {
      await reply("m1", ["one"]);
      failTransaction(world.store, 1); // what takes the part is durable
      await expect(step()).rejects.toThrow("disk full");
      expect(channel.sent).toHaveLength(1);
      expect(await work()).toBe("idle");
      expect(channel.sent).toHaveLength(1);
      expect(await states()).toBe("delivered");
      expect(await messages()).toBe("done");
    });
  });

  describe("two processes", () => {
    it("never send the same part at once", async () => {
      const first = held();
      channel.outcomes.push(first.outcome);
      await reply("m1", ["one"]);
      const others = await Promise.all([another(), another()]);
      const steps = [process, ...others].map((by) => step(by));
      await eventually(() => expect(channel.sent).toHaveLength(1));
      expect(await Promise.race(steps)).toMatchObject({ afterMs: expect.any(Number) });
      first.end({ kind: "delivered" });
      expect((await Promise.all(steps)).filter((next) => next === "again")).toHaveLength(1);
      for (const by of [process, ...others]) expect(await work(by)).toBe("idle");
      expect(channel.sent).toHaveLength(1);
    });

    it.each([
      ["a try of unknown outcome", { kind: "unknown", reason: "timeout" }],
      ["a try that the platform refused", { kind: "refused", reason: "60111" }],
    ] as const)("lets %s that ended too late change nothing", async (_what, late) => {
      const [stalled, current] = [held(), held()];
      channel.outcomes.push(stalled.outcome, current.outcome);
      await reply("m1", ["one"]);
      const stalledStep = step();
      await eventually(() => expect(channel.sent).toHaveLength(1));
      time += LEASE_MS;
      const next = await another();
      const currentStep = step(next);
      await eventually(() => expect(channel.sent).toHaveLength(2));
      stalled.end(late);
      await stalledStep;
      // The other process still sends it: nobody else may.
      time += 1_000;
      const third = await another();
      expect(await step(third)).toEqual({ afterMs: LEASE_MS - 1_000 });
      expect(channel.sent).toHaveLength(2);
      current.end({ kind: "delivered" });
      await currentStep;
      expect(await states()).toBe("delivered");
      expect(await messages()).toBe("done");
    });

    it("leave alone what one of them took before it was suspended, until its lease is renewed", async () => {
      let isHeld = false;
      const suspended = await another({ holdsLease: () => isHeld });
      await reply("m1", ["one"], false, suspended);
      await reply("m2", ["two"], false, suspended);
      expect(await step(suspended)).toEqual({ afterMs: 50 });
      expect(await step(suspended)).toEqual({ afterMs: 50 });
      expect(channel.sent).toEqual([]);
      time += LEASE_MS;
      expect(await work(await another())).toBe("idle");
      isHeld = true;
      expect(await work(suspended)).toBe("idle");
      expect(bodies()).toEqual(["one", "two"]);
    });

    /** A process for which something happens between a question to the store and its going on. */
    const heldUp = async (
      after: (row: Readonly<Record<string, unknown>> | undefined) => unknown,
    ) => {
      const store = await world.open();
      const { read } = store;
      const slow: Store = Object.assign(Object.create(store), {
        read: async (...given: Parameters<Store["read"]>) => {
          const found = await read(...given);
          await after(found as Readonly<Record<string, unknown>> | undefined);
          return found;
        },
      });
      const { lease, ...parts } = await another({
        store: slow,
        holdsLease: () => lease.isHeld(),
        leaseTerm: () => lease.term(),
      });
      return { ...parts, lease };
    };

    it("ask the platform about a try that another one made since they looked", async () => {
      await reply("m1", ["one"]);
      channel.outcomes.push({ kind: "unknown", reason: "timeout" });
      const other = await another();
      let looked = 0;
      const late = await heldUp(async (row) => {
        if (row?.attempts === 0 && looked++ === 0) await work(other);
      });
      await step(late);
      expect(channel.sent).toHaveLength(1);
      time += 1_000;
      channel.answers.push({ kind: "delivered" });
      expect(await work(late)).toBe("idle");
      expect(channel.asked).toHaveLength(1);
      expect(channel.sent).toHaveLength(1);
    });

    it.each([
      [1, "", false],
      [2, "", false],
      [1, ", with its lease renewed late", true],
      [2, ", with its lease renewed late", true],
    ])(
      "leave alone what one of them took before it was suspended on its way to the platform, of %i parts%s",
      async (parts, _what, isRenewed) => {
        const next = await another();
        let suspended = 0;
        const late = await heldUp(async () => {
          const [row] = await world.sql("SELECT unsure FROM outbox ORDER BY part");
          if (row?.unsure !== 1 || suspended++ > 0) return;
          time += LEASE_MS;
          await next.lease.setListening(true);
          await work(next);
          if (isRenewed) await late.lease.setListening(true);
        });
        const texts = Array.from({ length: parts }, (_, part) => `part ${part}`);
        await reply("m1", texts, false, late);
        expect(await step(late)).toEqual({ afterMs: 50 });
        expect(suspended).toBe(1);
        expect(bodies()).toEqual(texts);
      },
    );

    it("takes a delivery that became known late for one", async () => {
      const [stalled, current] = [held(), held()];
      channel.outcomes.push(stalled.outcome, current.outcome);
      await reply("m1", ["one"]);
      const stalledStep = step();
      await eventually(() => expect(channel.sent).toHaveLength(1));
      time += LEASE_MS;
      const next = await another();
      const currentStep = step(next);
      await eventually(() => expect(channel.sent).toHaveLength(2));
      stalled.end({ kind: "delivered" });
      await stalledStep;
      current.end({ kind: "unknown", reason: "timeout" });
      await currentStep;
      expect(await states()).toBe("delivered");
      expect(await work(next)).toBe("idle");
    });
  });

  describe("an inline reply", () => {
    const REDELIVERY_MS = 20_000;

    it("is delivered when its response was completely written, and not sent", async () => {
      const inline = await reply("m1", ["one"], true);
      expect(inline.isInline).toBe(true);
      expect(await states()).toBe("pending");
      await process.outbox.inlineSettled(inline, true);
      expect(await states()).toBe("delivered");
      expect(await messages()).toBe("done");
      time += HOUR_MS;
      expect(await work()).toBe("idle");
      expect(channel.sent).toEqual([]);
    });

    it("is sent actively when its response broke off and the platform did not come back", async () => {
      const inline = await reply("m1", ["one"], true);
      await process.outbox.inlineSettled(inline, false);
      expect(process.woken).toEqual([wei]);
      time += REDELIVERY_MS - 1;
      expect(await work()).toEqual({ afterMs: 1 });
      expect(channel.sent).toEqual([]);
      time += 1;
      expect(await work()).toBe("idle");
      expect(bodies()).toEqual(["one"]);
      expect(await process.outbox.inlineBody(sales, inline.inboxId)).toBeUndefined();
    });

    it("travels again in the response to a redelivery, and then is not sent", async () => {
      const inline = await reply("m1", ["one"], true);
      const { inboxId } = inline;
      await process.outbox.inlineSettled(inline, false);
      expect(await (await another()).outbox.inlineBody(sales, inboxId)).toBe("one");
      await process.outbox.inlineSettled(inline, true);
      time += HOUR_MS;
      expect(await work()).toBe("idle");
      expect(channel.sent).toEqual([]);
      expect(await process.outbox.inlineBody(sales, inboxId)).toBe("one");
    });

    it("holds up the next one no longer than its own response takes", async () => {
      const inline = await reply("m1", ["one"], true);
      await reply("m2", ["two"]);
      expect(await work()).toEqual({ afterMs: REDELIVERY_MS });
      process.woken.length = 0;
      await process.outbox.inlineSettled(inline, true);
      expect(process.woken).toEqual([wei]);
      expect(await work()).toBe("idle");
      expect(bodies()).toEqual(["two"]);
    });

    it("holds up the next one no longer when it was written just as that one looked", async () => {
      const first = await reply("m1", ["one"], true);
      await reply("m2", ["two"]);
      process.woken.length = 0;
      const { read } = world.store;
      vi.spyOn(world.store, "read").mockImplementation(async (access, work) => {
        const seen = await read(access, work);
        if (isInline(seen)) await process.outbox.inlineSettled(first, true);
        return seen;
      });
      expect(await step()).toEqual({ afterMs: 20_000 });
      expect(process.woken).toEqual([wei]);
    });

    it("is not sent because its delivery could not be recorded at first", async () => {
      const inline = await reply("m1", ["one"], true);
      failTransaction(world.store, 1);
      await expect(process.outbox.inlineSettled(inline, true)).rejects.toThrow("disk full");
      expect(await states()).toBe("pending");
      expect(await work()).toBe("idle");
      expect(await states()).toBe("delivered");
      expect(await messages()).toBe("done");
      expect(channel.sent).toEqual([]);
    });

    it("is sent although it could not be recorded at first that its response broke off", async () => {
      const inline = await reply("m1", ["one"], true);
      failTransaction(world.store, 1);
      await expect(process.outbox.inlineSettled(inline, false)).rejects.toThrow("disk full");
      time += REDELIVERY_MS;
      expect(await work()).toBe("idle");
      expect(bodies()).toEqual(["one"]);
    });

    it("has no body for a redelivery once the reply went actively", async () => {
      const { inboxId } = await reply("m1", ["one"]);
      expect(await process.outbox.inlineBody(sales, inboxId)).toBeUndefined();
    });

    it("is not taken for a reply of several parts", async () => {
      expect((await reply("m1", ["one", "two"], true)).isInline).toBe(false);
    });

    it("does not overtake an earlier reply that is still on its way", async () => {
      await reply("m1", ["first"]);
      expect((await reply("m2", ["second"], true)).isInline).toBe(false);
      await work();
      expect(bodies()).toEqual(["first", "second"]);
    });

    describe("whose process died around writing it", () => {
      /** That platforms could reach this process until then. */
      const wasThere = (by: DeliveryProcess, until: number) =>
        world.sql(`UPDATE processes SET renewed_at = ${until} WHERE id = '${by.lease.id}'`);

      it("counts as delivered when others were there for the platform's retries all along", async () => {
        const other = await another();
        await reply("m1", ["one"], true);
        expect(await work(other)).toEqual({ afterMs: REDELIVERY_MS });
        time += REDELIVERY_MS;
        await wasThere(other, time);
        expect(await work(other)).toBe("idle");
        expect(await states()).toBe("delivered");
        expect(channel.sent).toEqual([]);
      });

      it.each([
        ["second", 3_500, 8_500],
        ["third", 8_500, 16_500],
      ])(
        "counts as delivered when one was there for the %s try, although it is gone",
        async (_try, from, to) => {
          const at = time;
          await reply("m1", ["one"], true);
          time = at + from;
          const dead = await another();
          await wasThere(dead, at + to);
          time = at + REDELIVERY_MS;
          expect(await work(await another())).toBe("idle");
          expect(await states()).toBe("delivered");
          expect(channel.sent).toEqual([]);
        },
      );

      it.each([
        ["died before the second try and came back after the third", 0, 8_499],
        ["came during the second try and died before the third", 3_501, 16_499],
      ])("is sent when the only one that was there %s", async (_when, from, to) => {
        const at = time;
        await reply("m1", ["one"], true);
        time = at + from;
        const dead = await another();
        await wasThere(dead, at + to);
        time = at + REDELIVERY_MS;
        expect(await work(await another())).toBe("idle");
        expect(bodies()).toEqual(["one"]);
      });

      it("is sent when its response was one to the platform's last try", async () => {
        const other = await another();
        const message = { ...textMessage("m1"), sentAt: new Date(time - 10_000) };
        await process.inbox.accept(message, sales);
        const entry = await begin(process, wei);
        await process.outbox.complete(entry, { parts: ["one"], mayInline: true });
        time += REDELIVERY_MS;
        await wasThere(other, time);
        expect(await work(other)).toBe("idle");
        expect(bodies()).toEqual(["one"]);
      });

      it("is sent when those that were there take no callbacks: redeliveries found nobody", async () => {
        const worker = await another({ isGateway: false });
        await reply("m1", ["one"], true);
        time += REDELIVERY_MS;
        expect(await work(worker)).toBe("idle");
        expect(bodies()).toEqual(["one"]);
      });

      it("counts as delivered for a process that came late when another was there all along", async () => {
        await reply("m1", ["one"], true);
        time += 15_000;
        const next = await another();
        await wasThere(process, time);
        time += REDELIVERY_MS - 15_000;
        expect(await work(next)).toBe("idle");
        expect(await states()).toBe("delivered");
        expect(channel.sent).toEqual([]);
      });

      it("counts as delivered at once after a short crash of the only process", async () => {
        await reply("m1", ["one"], true);
        time += 5_000;
        const next = await another({ isAlone: true });
        expect(await work(next)).toBe("idle");
        expect(await states()).toBe("delivered");
        expect(channel.sent).toEqual([]);
      });

      it("is sent at once after a long crash of the only process, in which redeliveries found nobody", async () => {
        await reply("m1", ["one"], true);
        time += 10_001;
        const next = await another({ isAlone: true });
        expect(await work(next)).toBe("idle");
        expect(bodies()).toEqual(["one"]);
      });

      it("is sent when every process was gone for long", async () => {
        await reply("m1", ["one"], true);
        time += 10_001;
        const next = await another();
        expect(await work(next)).toEqual({ afterMs: REDELIVERY_MS - 10_001 });
        time += REDELIVERY_MS - 10_001;
        expect(await work(next)).toBe("idle");
        expect(bodies()).toEqual(["one"]);
      });

      it("is sent after a crash when its response had been seen to break off", async () => {
        const inline = await reply("m1", ["one"], true);
        await process.outbox.inlineSettled(inline, false);
        time += 5_000;
        const next = await another({ isAlone: true });
        expect(await work(next)).toBe("idle");
        expect(bodies()).toEqual(["one"]);
      });

      it("travels in the response to a redelivery that finds the next process", async () => {
        const inline = await reply("m1", ["one"], true);
        const next = await another();
        expect(await next.inbox.accept(textMessage("m1"), sales)).toMatchObject({ isNew: false });
        expect(await next.outbox.inlineBody(sales, inline.inboxId)).toBe("one");
        await next.outbox.inlineSettled(inline, true);
        expect(await work(next)).toBe("idle");
        expect(channel.sent).toEqual([]);
      });
    });
  });
});

/** Lets the n-th of the next transactions that change something fail. */
const failTransaction = (store: Store, nth: number) => {
  const note = store.note.bind(store);
  const spy = vi.spyOn(store, "note");
  for (let before = 1; before < nth; before++) spy.mockImplementationOnce(note);
  spy.mockRejectedValueOnce(new Error("disk full"));
};
