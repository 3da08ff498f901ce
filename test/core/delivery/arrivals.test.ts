import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import { createArrivals } from "../../../core/delivery/arrivals.ts";
import { laneOf } from "../../../core/delivery/lane.ts";
import type { InlineRow } from "../../../core/delivery/outbox.ts";
import type { Lane } from "../../../core/delivery/schedule.ts";
import type { Operator } from "../../../core/operators/operator.ts";
import { createQueue } from "../../../core/operators/queue.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import type { Store } from "../../../core/store/store.ts";
import { type FakeChannel, fakeChannel } from "../../fakes/channel.ts";
import { begin, type DeliveryProcess, deliveryProcess } from "../../fakes/delivery-process.ts";
import { eventually } from "../../fakes/eventually.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const sales = tenantScope("sales");
const REDELIVERY_MS = 20_000;
const DAY_MS = 24 * 60 * 60_000;

const folder = temporaryFolder();
let time: number;

/** A store for a process that can die: nothing that it knows is written any more. */
const mortal = (store: Store) => {
  let isAlive = true;
  const note: Store["note"] = (access, work) =>
    isAlive ? store.note(access, work) : Promise.reject(new Error("killed"));
  const end = () => {
    isAlive = false;
  };
  return { store: { ...store, note } as Store, end };
};

describeStores("replies that travelled in responses", (world) => {
  let channel: FakeChannel;
  let process: DeliveryProcess;

  // Alone, as on an embedded store: arrivals are collected for a while before they are written.
  const start = async (store = world.store) =>
    deliveryProcess({
      ...{ store, folder: folder.path, now: () => new Date(time), isAlone: true },
      adapters: new Map([["test", channel]]),
    });

  beforeEach(async () => {
    time = Date.UTC(2026, 2, 1);
    channel = fakeChannel();
    process = await start();
  });

  const reply = async (id: string, person = "wei") => {
    const message = textMessage(id, "hello", person);
    const lane: Lane = { id: laneOf(message), tenantId: "sales" };
    await process.inbox.accept(message, sales);
    const entry = await begin(process, lane);
    const { isInline } = await process.outbox.complete(entry, { parts: [id], mayInline: true });
    return { inboxId: entry.id, scope: sales, lane: lane.id, isInline };
  };
  const work = async (lane: string) => {
    for (;;) {
      const next = await process.outbox.step({ id: lane, tenantId: "sales" });
      if (next !== "again") return next;
    }
  };
  const states = async () =>
    (await world.sql("SELECT state FROM outbox ORDER BY inbox_id")).map((row) => row.state).join();
  const messages = async () =>
    (await world.sql("SELECT state FROM inbox ORDER BY id")).map((row) => row.state).join();

  it("are written down many at a time, each person's", async () => {
    const rows: InlineRow[] = [];
    for (let n = 0; n < 70; n++) rows.push(await reply(`m${n}`, `person${n}`));
    const note = vi.spyOn(world.store, "note");
    await Promise.all(rows.map((row) => process.outbox.inlineSettled(row, true)));
    expect(note).toHaveBeenCalledTimes(1);
    expect(new Set((await states()).split(","))).toEqual(new Set(["delivered"]));
    expect(new Set((await messages()).split(","))).toEqual(new Set(["done"]));
  });

  it("are written down at once when none came lately, so that a crash leaves little unsure", async () => {
    const first = await reply("m1");
    const note = vi.spyOn(world.store, "note");
    const written = process.outbox.inlineSettled(first, true);
    await new Promise(setImmediate);
    expect(note).toHaveBeenCalledTimes(1);
    await written;
  });

  /** Holds the next write of an arrival up until it is let go. */
  const holdWrite = () => {
    const note = world.store.note.bind(world.store);
    let go: (() => void) | undefined;
    let isHeld = false;
    vi.spyOn(world.store, "note").mockImplementation(async (access, work) => {
      if (!isHeld && access !== "intake") {
        isHeld = true;
        await new Promise<void>((resolve) => {
          go = resolve;
        });
      }
      return note(access, work);
    });
    return {
      reached: () => eventually(() => expect(go).toBeDefined()),
      go: () => go?.(),
    };
  };

  it("are in nobody's way as soon as they arrived, though nothing is written down yet", async () => {
    const first = await reply("m1");
    const write = holdWrite();
    const written = process.outbox.inlineSettled(first, true);
    await write.reached();
    expect((await reply("m2")).isInline).toBe(true);
    expect(await states()).toBe("delivered,pending");
    write.go();
    await written;
  });

  it("are not taken for arrived by a reply that could not be stored", async () => {
    const first = await reply("m1");
    const message = textMessage("m2");
    await process.inbox.accept(message, sales);
    const entry = await begin(process, { id: first.lane, tenantId: "sales" });
    const write = holdWrite();
    const written = process.outbox.inlineSettled(first, true);
    await write.reached();
    const also = () => Promise.reject(new Error("no record"));
    await expect(
      process.outbox.complete(entry, { parts: ["two"], mayInline: true, also }),
    ).rejects.toThrow("no record");
    expect(await states()).toBe("pending");
    write.go();
    await written;
    expect(await states()).toBe("delivered");
    expect(await messages()).toBe("done,pending");
  });

  it("are never sent between their arrival and its being written down", async () => {
    const first = await reply("m1");
    time += REDELIVERY_MS + 1;
    const write = holdWrite();
    const written = process.outbox.inlineSettled(first, true);
    await write.reached();
    expect(await work(first.lane)).toBe("idle");
    write.go();
    await written;
    expect(channel.sent).toEqual([]);
    expect(await states()).toBe("delivered");
  });

  it("are written down before the process ends in order", async () => {
    const first = await reply("m1");
    void process.outbox.inlineSettled(first, true);
    await process.outbox.flush();
    expect(await states()).toBe("delivered");
    await process.outbox.flush();
  });

  it("are all written down before the process ends in order, also those of an earlier write that is slow", async () => {
    const first = await reply("m1");
    const second = await reply("m2", "mei");
    const write = holdWrite();
    void process.outbox.inlineSettled(first, true);
    await write.reached();
    await process.outbox.inlineSettled(second, true);
    expect(await states()).toBe("pending,delivered");
    const flushed = process.outbox.flush();
    write.go();
    await flushed;
    expect(await states()).toBe("delivered,delivered");
  });

  it("count as arrived after a crash before that, if somebody was there for redeliveries soon", async () => {
    const first = await reply("m1");
    // What the dying process knew is not written down; it never settles.
    time += 2_000;
    process = await start();
    expect(await work(first.lane)).toBe("idle");
    expect(channel.sent).toEqual([]);
    expect(await states()).toBe("delivered");
  });

  describe("in the hands of an operator before they are written down", () => {
    const audit = () => createAuditLog(world.store);
    const queue = () =>
      createQueue({ store: world.store, auditLog: audit(), now: () => new Date(time) });
    const operator: Operator = { who: "cli" };

    it("cannot be dropped while their response may be open, and are delivered", async () => {
      const first = await reply("m1");
      vi.spyOn(world.store, "note").mockRejectedValueOnce(new Error("disk full"));
      await expect(process.outbox.inlineSettled(first, true)).rejects.toThrow("disk full");
      expect(await queue().drop(operator, first.inboxId)).toMatchObject({ code: "UNDER_WAY" });
      expect(await work(first.lane)).toBe("idle");
      expect(await states()).toBe("delivered");
      expect(await messages()).toBe("done");
    });

    it("stay dropped when they are dropped before a write that fails is made up for", async () => {
      const first = await reply("m1");
      vi.spyOn(world.store, "note").mockRejectedValueOnce(new Error("disk full"));
      await expect(process.outbox.inlineSettled(first, true)).rejects.toThrow("disk full");
      time += REDELIVERY_MS;
      expect(await queue().drop(operator, first.inboxId)).toMatchObject({ kind: "changed" });
      expect(await work(first.lane)).toBe("idle");
      expect(await states()).toBe("dead");
      expect(await messages()).toBe("done");
      expect((await reply("m2")).isInline).toBe(true);
      expect(channel.sent).toEqual([]);
    });

    it("are not sent when they are replayed after all, since they arrived", async () => {
      const first = await reply("m1");
      vi.spyOn(world.store, "note").mockRejectedValueOnce(new Error("disk full"));
      await expect(process.outbox.inlineSettled(first, true)).rejects.toThrow("disk full");
      await world.sql("UPDATE outbox SET state = 'dead'");
      await world.sql("UPDATE inbox SET state = 'dead'");
      expect(await queue().replay(operator, first.inboxId)).toMatchObject({ kind: "changed" });
      expect(await work(first.lane)).toBe("idle");
      expect(channel.sent).toEqual([]);
      expect(await states()).toBe("delivered");
      expect(await messages()).toBe("done");
    });
  });

  it("fail together when they cannot be written, and are written when their lane is looked at", async () => {
    const rows = [await reply("m1"), await reply("m2", "mei")];
    vi.spyOn(world.store, "note").mockRejectedValueOnce(new Error("disk full"));
    const ends = await Promise.allSettled(
      rows.map((row) => process.outbox.inlineSettled(row, true)),
    );
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await states()).toBe("pending,pending");
    time += REDELIVERY_MS;
    for (const row of rows) expect(await work(row.lane)).toBe("idle");
    expect(channel.sent).toEqual([]);
    expect(await states()).toBe("delivered,delivered");
  });

  describe("in any order of events", () => {
    type Act = "reply" | "arrive" | "break" | "step" | "flush" | "crash";
    const act = fc.record({
      do: fc.constantFrom<Act>(
        "reply",
        "reply",
        "arrive",
        "arrive",
        "break",
        "step",
        "flush",
        "crash",
      ),
      person: fc.constantFrom("wei", "mei"),
    });

    it("reach their person once, in order, whatever is written down when", async () => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(act, { maxLength: 14 }), async (acts) => {
          run++;
          channel.sent.length = 0;
          const open = new Map<string, InlineRow & { readonly text: string }>();
          const arrived: string[] = [];
          const asked: string[] = [];
          const lanes = new Set<string>();
          const writing: Promise<unknown>[] = [];
          const live = async () => {
            const life = mortal(world.store);
            process = await start(life.store);
            return life;
          };
          let life = await live();
          for (const [at, { do: what, person }] of acts.entries()) {
            const who = `${person}${run}`;
            const row = open.get(who);
            if (what === "reply") {
              const text = `${who}-${at}`;
              const made = await reply(text, who);
              lanes.add(made.lane);
              asked.push(text);
              // A response that is still open carries one reply; the next message has its own.
              if (made.isInline) open.set(who, { ...made, text });
            } else if (what === "arrive" && row) {
              arrived.push(row.text);
              open.delete(who);
              writing.push(process.outbox.inlineSettled(row, true));
            } else if (what === "break" && row) {
              open.delete(who);
              await process.outbox.inlineSettled(row, false);
            } else if (what === "step") {
              for (const lane of lanes) await work(lane);
            } else if (what === "flush") await process.outbox.flush();
            else if (what === "crash") {
              life.end();
              await Promise.allSettled(writing);
              time += 1_000;
              life = await live();
              // What no complete response carried, the platform delivers again; a crash tears them all.
              for (const torn of open.values()) {
                expect(await process.outbox.inlineBody(sales, torn.inboxId)).toBe(torn.text);
                arrived.push(torn.text);
                writing.push(process.outbox.inlineSettled(torn, true));
              }
              open.clear();
            }
          }
          for (const row of open.values()) {
            arrived.push(row.text);
            writing.push(process.outbox.inlineSettled(row, true));
          }
          await Promise.allSettled(writing);
          time += REDELIVERY_MS;
          for (const lane of lanes) expect(await work(lane)).toBe("idle");
          const got = [...arrived, ...channel.sent.map((part) => part.body)];
          expect(got.toSorted()).toEqual(asked.toSorted());
          for (const person of ["wei", "mei"]) {
            const sent = channel.sent.map((part) => part.body).filter((b) => b.startsWith(person));
            expect(sent).toEqual(asked.filter((text) => sent.includes(text)));
          }
          time += DAY_MS;
        }),
        { numRuns: world.dialect === "sqlite" ? 60 : 25 },
      );
    });
  });
});

describe("what is written down of replies that arrived", () => {
  it("leaves nothing behind, however many there were", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const store = { note: () => Promise.resolve() } as unknown as Store;
    const arrivals = createArrivals(store, 0);
    const lane: Lane = { id: "test:wei", tenantId: "sales" };
    const write = async (count: number) => {
      for (let id = 1; id <= count; id++) await arrivals.recordSoon(id, lane);
    };
    await write(1_000);
    collect();
    const before = process.memoryUsage().heapUsed;
    await write(20_000);
    collect();
    const bytesOfEach = (process.memoryUsage().heapUsed - before) / 20_000;
    expect(bytesOfEach).toBeLessThan(50);
  });
});
