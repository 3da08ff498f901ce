import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { SendOutcome } from "../../../core/contract/channel.ts";
import type { TraceEvent, TracePoint } from "../../../core/contract/trace-points.ts";
import { createInProcessSchedule } from "../../../core/delivery/in-process.ts";
import { laneOf } from "../../../core/delivery/lane.ts";
import type { Lane, Schedule, Step } from "../../../core/delivery/schedule.ts";
import { StoreAwayError } from "../../../core/store/errors.ts";
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
const laneFrom = (sender: string): Lane => ({
  id: laneOf(textMessage("x", "hello", sender)),
  tenantId: "sales",
});
const LEASE_MS = 15_000;

const folder = temporaryFolder();
let time: number;
const now = () => new Date(time);

/** Has room for everything, and does nothing by itself. */
const atOnce = () => ({
  wake: () => {},
  begin: (lane: Lane, step: Step) => step(lane) !== undefined,
});

/** The platform takes identical texts as they come. */
const takingRepeats = () => Object.assign(fakeChannel(), { takesRepeats: true });

/** A send that lasts until the test says how it ends. */
const held = () => {
  let end: (outcome: SendOutcome) => void = () => {};
  const outcome = new Promise<SendOutcome>((resolve) => {
    end = resolve;
  });
  return { outcome, deliver: () => end({ kind: "delivered" }) };
};

describeStores("sending a reply as it is stored", (world) => {
  let channel: FakeChannel;
  let schedules: Schedule[];
  let errors: unknown[];
  beforeEach(() => {
    time = Date.UTC(2026, 2, 1);
    channel = takingRepeats();
    schedules = [];
    errors = [];
    // Leases are renewed when a test says so.
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  });
  afterEach(async () => {
    await Promise.all(schedules.map((schedule) => schedule.drain()));
    vi.useRealTimers();
  });

  /** A process whose sends run by themselves, so many at a time. */
  const start = async (slots = 10, options: Partial<DeliveryProcessOptions> = {}) => {
    let sends: Schedule | undefined;
    const process = await deliveryProcess({
      ...{ store: world.store, folder: folder.path, now, adapters: new Map([["test", channel]]) },
      schedule: () => sends ?? { wake: () => {} },
      isAlone: true,
      ...options,
    });
    sends = createInProcessSchedule({
      step: process.outbox.step,
      source: process.outbox.lanes,
      ...{ concurrency: slots, perTenant: slots, now, retryAfterMs: 50 },
      onError: (_lane, cause) => errors.push(cause),
    });
    schedules.push(sends);
    return process;
  };
  /** One that sends nothing by itself; what it begins, it leaves when the test ends. */
  const another = async (options: Partial<DeliveryProcessOptions> = {}) =>
    deliveryProcess({
      ...{ folder: folder.path, now, adapters: new Map([["test", channel]]) },
      ...{ store: await world.open() },
      ...options,
    });
  const reply = async (by: DeliveryProcess, id: string, parts: readonly string[], from = "wei") => {
    await by.inbox.accept(textMessage(id, "hello", from), sales);
    const entry = await begin(by, laneFrom(from));
    return by.outbox.complete(entry, { parts, mayInline: false });
  };
  const rows = () =>
    world.sql("SELECT state, attempts, unsure, owner FROM outbox ORDER BY inbox_id, part");
  const bodies = () => channel.sent.map((part) => part.body);
  const allDone = () =>
    eventually(async () => {
      const states = await world.sql("SELECT DISTINCT state FROM inbox");
      expect(states).toEqual([{ state: "done" }]);
    });

  it("is stored as taken, so that nothing more has to be on disk before its call", async () => {
    const { outcome, deliver } = held();
    channel.outcomes.push(outcome);
    const process = await start();
    await process.inbox.accept(textMessage("m1"), sales);
    const entry = await begin(process, laneFrom("wei"));
    const write = vi.spyOn(world.store, "write");
    await process.outbox.complete(entry, { parts: ["one"], mayInline: false });
    await eventually(() => expect(bodies()).toEqual(["one"]));
    const taken = { state: "pending", attempts: 1, unsure: 1, owner: process.lease.id };
    expect(await rows()).toEqual([taken]);
    deliver();
    await allDone();
    expect(write).toHaveBeenCalledTimes(1);
    expect(channel.sent).toMatchObject([{ attempt: 1 }]);
    expect(channel.asked).toEqual([]);
    write.mockRestore();
  });

  it("passes the points of its way in their order", async () => {
    const points: TracePoint[] = [];
    const note = (event: unknown) => points.push((event as TraceEvent).point);
    subscribe("clawgate.message", note);
    await reply(await start(), "m1", ["one"]);
    await allDone();
    await eventually(() =>
      expect(points).toEqual(["reply_stored", "sending", "sent", "delivered"]),
    );
    unsubscribe("clawgate.message", note);
  });

  it("is looked for by the next process after a crash between its storing and its call", async () => {
    // Its last step before the call is to look at its lease, and it comes no further.
    const dying = await another({ isAlone: true, schedule: atOnce, holdsLease: () => false });
    await reply(dying, "m1", ["one"]);
    const next = await another();
    expect(await next.outbox.step(laneFrom("wei"))).toEqual({ afterMs: LEASE_MS });
    time += LEASE_MS;
    expect(await next.outbox.step(laneFrom("wei"))).toBe("again");
    expect(channel.asked).toMatchObject([{ body: "one", attempt: 2 }]);
    expect(bodies()).toEqual(["one"]);
  });

  it("is looked for after a crash only where it had a slot", async () => {
    channel.outcomes.push(new Promise(() => {}));
    let begun = 0;
    const dying = await another({
      isAlone: true,
      schedule: () => (begun++ === 0 ? atOnce() : { wake: () => {}, begin: () => false }),
    });
    for (const person of ["a", "b", "c"]) await reply(dying, person, [person], person);
    await eventually(() => expect(bodies()).toEqual(["a"]));
    expect((await rows()).map((row) => row.unsure)).toEqual([1, 0, 0]);
    time += LEASE_MS;
    await start();
    await allDone();
    expect(channel.asked.map((part) => part.body)).toEqual(["a"]);
    expect(bodies().sort()).toEqual(["a", "a", "b", "c"]);
  });

  it("waits for a slot as not tried, and is sent when there is one", async () => {
    const { outcome, deliver } = held();
    channel.outcomes.push(outcome);
    const process = await start(1);
    await reply(process, "m1", ["one"], "a");
    await reply(process, "m2", ["two"], "b");
    await eventually(() => expect(bodies()).toEqual(["one"]));
    expect((await rows()).map(({ attempts, unsure }) => [attempts, unsure])).toEqual([
      [1, 1],
      [0, 0],
    ]);
    deliver();
    await allDone();
    expect(bodies()).toEqual(["one", "two"]);
    expect(channel.asked).toEqual([]);
  });

  it("waits as not tried where others may be at work on the store", async () => {
    const process = await another({ schedule: atOnce });
    await reply(process, "m1", ["one"]);
    expect(await rows()).toMatchObject([{ attempts: 0, unsure: 0 }]);
    expect(bodies()).toEqual([]);
    await process.outbox.step(laneFrom("wei"));
    expect(bodies()).toEqual(["one"]);
  });

  it("waits as not tried where the platform drops identical texts", async () => {
    channel = fakeChannel();
    const process = await another({ isAlone: true, schedule: atOnce });
    await reply(process, "m1", ["one"]);
    expect(await rows()).toMatchObject([{ attempts: 0, unsure: 0 }]);
    expect(bodies()).toEqual([]);
    await process.outbox.step(laneFrom("wei"));
    expect(bodies()).toEqual(["one"]);
  });

  it("is no fault of the sends where the store is away", async () => {
    const process = await start();
    await process.inbox.accept(textMessage("m1"), sales);
    const entry = await begin(process, laneFrom("wei"));
    const away = new StoreAwayError("away");
    const write = vi.spyOn(world.store, "write").mockRejectedValueOnce(away);
    const complete = () => process.outbox.complete(entry, { parts: ["one"], mayInline: false });
    await expect(complete()).rejects.toBe(away);
    expect(errors).toEqual([]);
    await complete();
    await allDone();
    expect(bodies()).toEqual(["one"]);
    write.mockRestore();
  });

  it("goes behind what is on its way in its lane, whatever that comes to", async () => {
    const { outcome, deliver } = held();
    channel.outcomes.push(outcome, { kind: "retry", afterMs: 1, reason: "busy" });
    const process = await start();
    for (const id of ["1", "2", "3"]) await reply(process, id, [id]);
    await reply(process, "4", ["4", "5"]);
    await reply(process, "6", ["6"]);
    await eventually(() => expect(bodies()).toEqual(["1"]));
    expect((await rows()).map((row) => row.attempts)).toEqual([1, 0, 0, 0, 0, 0]);
    deliver();
    await eventually(() => expect(bodies()).toEqual(["1", "2"]));
    await eventually(async () => expect((await rows())[1]).toMatchObject({ owner: "" }));
    time += 1_000;
    schedules[0]?.wake(laneFrom("wei"));
    await allDone();
    expect(bodies()).toEqual(["1", "2", "2", "3", "4", "5", "6"]);
  });

  it("does not overtake what another process left in its lane", async () => {
    await reply(await another(), "m1", ["one"]);
    const process = await start();
    await reply(process, "m2", ["two"]);
    await allDone();
    expect(bodies()).toEqual(["one", "two"]);
  });

  it("is not sent where what belongs to it cannot be stored", async () => {
    const process = await start();
    await process.inbox.accept(textMessage("m1"), sales);
    const entry = await begin(process, laneFrom("wei"));
    const also: Work<void> = () => Promise.reject(new Error("no record, no reply"));
    const parts = ["one"];
    await expect(process.outbox.complete(entry, { parts, mayInline: false, also })).rejects.toThrow(
      "no record, no reply",
    );
    expect(await rows()).toEqual([]);
    // Its turn is done again.
    await process.outbox.complete(entry, { parts, mayInline: false });
    await allDone();
    expect(bodies()).toEqual(["one"]);
  });

  it("is not sent by a process that lost its turn", async () => {
    const process = await start();
    await process.inbox.accept(textMessage("m1"), sales);
    const late = await begin(process, laneFrom("wei"));
    time += LEASE_MS;
    await reply(await another(), "m1", ["theirs"]);
    const ended = await process.outbox.complete(late, { parts: ["ours"], mayInline: false });
    expect(ended).toEqual({ isOurs: false, isInline: false });
    expect(await rows()).toHaveLength(1);
    schedules[0]?.wake(laneFrom("wei"));
    await allDone();
    expect(bodies()).toEqual(["theirs"]);
  });

  it("is not sent by a process whose lease ran out while it was stored", async () => {
    let isHeld = true;
    const store = await world.open();
    const late = await another({
      ...{ store, isAlone: true, schedule: atOnce, holdsLease: () => isHeld },
    });
    await late.inbox.accept(textMessage("m1"), sales);
    const entry = await begin(late, laneFrom("wei"));
    const write: Store["write"] = store.write.bind(store);
    vi.spyOn(store, "write").mockImplementation(async (access, work) => {
      const done = await write(access, work);
      isHeld = false;
      return done;
    });
    await late.outbox.complete(entry, { parts: ["one"], mayInline: false });
    expect((await rows()).map((row) => row.unsure)).toEqual([1]);
    expect(bodies()).toEqual([]);
    time += LEASE_MS;
    const next = await another();
    expect(await next.outbox.step(laneFrom("wei"))).toBe("again");
    expect(bodies()).toEqual(["one"]);
  });
});
