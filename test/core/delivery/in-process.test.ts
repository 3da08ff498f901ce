import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createInProcessSchedule,
  type InProcessOptions,
} from "../../../core/delivery/in-process.ts";
import type { LaneSource, Schedule, Step } from "../../../core/delivery/schedule.ts";
import {
  countingStore,
  describeSchedule,
  heldSteps,
  laneOf,
  workingStep,
} from "../../contract/schedule.ts";

const empty: LaneSource = async () => [];
const schedules: Schedule[] = [];
const scheduleOf = (options: Partial<InProcessOptions> & { readonly step: Step }) => {
  const schedule = createInProcessSchedule({
    source: empty,
    concurrency: 10,
    perTenant: 10,
    onError: vi.fn(),
    now: () => new Date(),
    ...options,
  });
  schedules.push(schedule);
  return schedule;
};
const settle = () => vi.advanceTimersByTimeAsync(0);

describe("the schedule in this process", () => {
  afterEach(() => {
    // Held steps never end, so nobody waits for them; timers are gone at once.
    for (const schedule of schedules.splice(0)) void schedule.drain();
  });
  describeSchedule(
    async (parts) => scheduleOf(parts),
    async () => {}, // at once
  );
});

describe("the schedule in this process, by the clock", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
    schedules.splice(0);
  });

  it("looks again exactly at the time that a step asked for, and earlier when woken", async () => {
    const step = vi
      .fn<Step>()
      .mockResolvedValueOnce({ afterMs: 500 })
      .mockResolvedValueOnce({ afterMs: 500 })
      .mockResolvedValue("idle");
    const schedule = scheduleOf({ step });
    schedule.wake(laneOf("acme", 1));
    await vi.advanceTimersByTimeAsync(499);
    expect(step).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(step).toHaveBeenCalledTimes(2);
    schedule.wake(laneOf("acme", 1));
    await settle();
    expect(step).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(step).toHaveBeenCalledTimes(3);
  });

  it("begins a lane with another step at once, and goes on as usual", async () => {
    const usual = vi.fn<Step>().mockResolvedValue("idle");
    const schedule = scheduleOf({ step: usual, concurrency: 1 });
    const first = vi.fn<Step>().mockResolvedValue("again");
    expect(schedule.begin?.(laneOf("acme", 1), first)).toBe(true);
    expect(first).toHaveBeenCalledExactlyOnceWith(laneOf("acme", 1));
    expect(usual).not.toHaveBeenCalled();
    await settle();
    expect(first).toHaveBeenCalledTimes(1);
    expect(usual).toHaveBeenCalledExactlyOnceWith(laneOf("acme", 1));
  });

  it("begins nothing that would have to wait, or go past what waits", async () => {
    const store = countingStore();
    for (let n = 0; n < 40; n++) store.add(laneOf("backlog", n));
    const steps = heldSteps();
    const schedule = scheduleOf({
      step: (lane) =>
        lane.id.includes("later") ? Promise.resolve({ afterMs: 500 }) : steps.step(lane),
      ...{ source: store.source, concurrency: 4, perTenant: 2, maxLanesPerTenant: 20 },
    });
    const begun = vi.fn<Step>(steps.step);
    const begins = (tenantId: string, id: string) => schedule.begin?.(laneOf(tenantId, id), begun);
    schedule.wake(laneOf("acme", "later"));
    schedule.wake(laneOf("acme", "running"));
    await settle();
    expect(begins("acme", "later")).toBe(false);
    expect(begins("acme", "running")).toBe(false);
    expect(begins("backlog", "new")).toBe(false);
    expect(begins("acme", "second")).toBe(true);
    expect(begins("acme", "one beyond its tenant's share")).toBe(false);
    expect(begins("others", "one beyond all slots")).toBe(false);
    expect(begun).toHaveBeenCalledTimes(1);
    void schedule.drain();
    for (let n = 0; n < 4; n++) steps.endOne();
    await settle();
    expect(begins("others", "after the end")).toBe(false);
  });

  it("waits for a time that is further away than a timer can count", async () => {
    const step = vi.fn<Step>().mockResolvedValue({ afterMs: 2 ** 31 });
    scheduleOf({ step }).wake(laneOf("acme", 1));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(step).toHaveBeenCalledTimes(1);
  });

  it("pauses after a step that threw, also when it was woken meanwhile", async () => {
    let schedule: Schedule | undefined;
    const step = vi.fn<Step>(async (lane) => {
      schedule?.wake(lane);
      throw new Error("store is down");
    });
    schedule = scheduleOf({ step, retryAfterMs: 1_000 });
    schedule.wake(laneOf("acme", 1));
    await vi.advanceTimersByTimeAsync(999);
    expect(step).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(step).toHaveBeenCalledTimes(2);
  });

  it("gives every lane of a tenant its turn when there are more than slots", async () => {
    const steps = heldSteps();
    const schedule = scheduleOf({ step: steps.step, concurrency: 1 });
    for (const id of ["chatty", "quiet"]) schedule.wake(laneOf("acme", id));
    steps.endOne("again");
    await settle();
    steps.endOne("idle");
    await settle();
    expect(steps.begun).toEqual(["chatty", "quiet", "chatty"].map((id) => laneOf("acme", id)));
  });

  it("asks again after a pause when the source fails", async () => {
    const store = countingStore();
    store.add(laneOf("acme", 1));
    const fault = new Error("store is down");
    const source = vi.fn(store.source).mockRejectedValueOnce(fault);
    const onError = vi.fn();
    scheduleOf({ step: workingStep(store), source, onError, retryAfterMs: 1_000 });
    await vi.advanceTimersByTimeAsync(999);
    expect(store.done).toBe(0);
    expect(onError).toHaveBeenCalledExactlyOnceWith(undefined, fault);
    await vi.advanceTimersByTimeAsync(1);
    expect(store.done).toBe(1);
  });

  it("is full for a tenant once its first ready lane has waited 3 s, and for no other", async () => {
    const steps = heldSteps();
    const schedule = scheduleOf({ step: steps.step, perTenant: 1 });
    schedule.wake(laneOf("busy", 1));
    schedule.wake(laneOf("busy", 2));
    schedule.wake(laneOf("quiet", 1));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(schedule.isFull("busy")).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(schedule.isFull("busy")).toBe(true);
    expect(schedule.isFull("quiet")).toBe(false);
    expect(schedule.isFull("stranger")).toBe(false);
    steps.endOne();
    await settle();
    expect(schedule.isFull("busy")).toBe(false);
  });

  it("is not full because a conversation waits for its own earlier step", async () => {
    const steps = heldSteps();
    const schedule = scheduleOf({ step: steps.step, perTenant: 1 });
    schedule.wake(laneOf("acme", 1));
    schedule.wake(laneOf("acme", 1));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(schedule.isFull("acme")).toBe(false);
  });

  it("forgets lanes beyond its bound, is full for their tenant, and finds each again", async () => {
    const store = countingStore();
    const ends: (() => void)[] = [];
    const step = workingStep(store, () => new Promise((resolve) => ends.push(resolve)));
    const schedule = scheduleOf({ step, source: store.source, maxLanesPerTenant: 20 });
    const add = (tenantId: string, id: number) => {
      store.add(laneOf(tenantId, id));
      schedule.wake(laneOf(tenantId, id));
    };
    await settle();
    for (let n = 0; n < 100; n++) add("flood", n);
    add("quiet", 1);
    expect(schedule.isFull("flood")).toBe(true);
    expect(schedule.isFull("quiet")).toBe(false);
    for (let n = 0; n < 200; n++) {
      ends.shift()?.();
      await settle();
    }
    expect(store.done).toBe(101);
    expect(schedule.isFull("flood")).toBe(false);
  });

  it("does not let what comes in overtake what waits in the store for ever", async () => {
    const store = countingStore();
    const ends: (() => void)[] = [];
    const begun: string[] = [];
    const step = workingStep(store, (lane) => {
      begun.push(lane.id);
      return new Promise((resolve) => ends.push(resolve));
    });
    const schedule = scheduleOf({ step, source: store.source, maxLanesPerTenant: 20 });
    await settle();
    for (let n = 0; n < 100; n++) {
      store.add(laneOf("flood", `old-${n}`));
      schedule.wake(laneOf("flood", `old-${n}`));
    }
    for (let n = 0; n < 200; n++) {
      // As many come in as are done.
      store.add(laneOf("flood", `new-${n}`));
      schedule.wake(laneOf("flood", `new-${n}`));
      ends.shift()?.();
      await settle();
    }
    expect(begun.filter((id) => id.includes("old-"))).toHaveLength(100);
  });

  it("is full at a start for tenants with more in the store than fits, and works it all off", async () => {
    const store = countingStore();
    for (let n = 0; n < 5_000; n++) store.add(laneOf("backlog", n));
    store.add(laneOf("quiet", 1));
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const step = workingStep(store, (lane) => {
      begun.push(lane.tenantId);
      return new Promise((resolve) => ends.push(resolve));
    });
    const schedule = scheduleOf({ step, source: store.source, perTenant: 5 });
    await settle();
    expect(schedule.isFull("backlog")).toBe(true);
    expect(schedule.isFull("quiet")).toBe(false);
    expect(begun).toContain("quiet");
    while (store.pending > 0) {
      for (const end of ends.splice(0)) end();
      await settle();
    }
    expect(schedule.isFull("backlog")).toBe(false);
    // Every lane was asked for about once, however long the backlog was.
    expect(store.answered).toBeLessThan(5_000 * 1.1);
  });

  it("keeps a turn for a quiet tenant however many others fill the memory", async () => {
    const steps = heldSteps();
    const schedule = scheduleOf({
      step: steps.step,
      concurrency: 1,
      maxLanes: 50,
      maxLanesPerTenant: 10,
    });
    for (let n = 0; n < 200; n++) schedule.wake(laneOf(`flood-${n % 10}`, n));
    schedule.wake(laneOf("quiet", 1));
    expect(schedule.isFull("quiet")).toBe(false);
    for (let n = 0; n < 11; n++) {
      steps.endOne();
      await settle();
    }
    expect(steps.begun.some((lane) => lane.tenantId === "quiet")).toBe(true);
  });

  it("keeps only so many timers and finds the other lanes by its sweep", async () => {
    const store = countingStore();
    const dueAt = Date.now() + 15_000;
    const step = vi.fn<Step>(async (lane) => {
      const waitMs = dueAt - Date.now();
      return waitMs > 0 ? { afterMs: waitMs } : workingStep(store)(lane);
    });
    for (let n = 0; n < 30; n++) store.add(laneOf("acme", n));
    scheduleOf({ step, source: store.source, maxLanes: 20 });
    await settle();
    expect(vi.getTimerCount()).toBe(20 + 1);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(store.done).toBe(20);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(store.done).toBe(30);
  });

  it("drain: leaves no timer behind, which would keep the process alive", async () => {
    const ends: (() => void)[] = [];
    const schedule = scheduleOf({
      step: async (lane) => {
        await new Promise<void>((resolve) => ends.push(resolve));
        if (lane.id.includes("failing")) throw new Error("disk full");
        return { afterMs: 300_000 };
      },
    });
    schedule.wake(laneOf("acme", "failing"));
    schedule.wake(laneOf("acme", "waiting"));
    await settle();
    const drained = schedule.drain();
    for (const end of ends) end();
    await drained;
    expect(vi.getTimerCount()).toBe(0);
  });
});
