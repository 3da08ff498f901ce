import { expect, it, vi } from "vitest";
import type { Lane, LaneCursor, LaneSource, Schedule, Step } from "../../core/delivery/schedule.ts";

/** What a schedule under test is built with; what is left out is the schedule's own affair. */
export interface ScheduleParts {
  readonly step: Step;
  readonly source: LaneSource;
  readonly hasWork: (lane: Lane) => Promise<boolean>;
  readonly onError: (lane: Lane | undefined, cause: unknown) => void;
  readonly concurrency: number;
  readonly perTenant: number;
  readonly sweepMs: number;
  readonly retryAfterMs: number;
}

/** Stands in for the store: counts of work by lane, of which each is done once. */
export interface CountingStore {
  add(lane: Lane, count?: number): void;
  /** Takes one piece of work of the lane; false when there is none or somebody else works on it. */
  claim(lane: Lane): "work" | "idle" | "taken";
  finish(lane: Lane): void;
  readonly source: LaneSource;
  readonly hasWork: (lane: Lane) => Promise<boolean>;
  readonly pending: number;
  /** Pieces of work that were finished. */
  readonly done: number;
  /** How often two steps were on one lane at once. */
  readonly collisions: number;
  /** Lanes that the source was asked for and answered with. */
  readonly answered: number;
}

/** Lanes in order of tenant and id, as a database's index would have them. */
export const countingStore = (): CountingStore => {
  const tenants = new Map<string, Map<string, number>>();
  const held = new Set<string>();
  let pending = 0;
  let done = 0;
  let collisions = 0;
  let answered = 0;
  const orders = new Map<string, string[]>(); // sorted ids by tenant, made when they are asked for
  const work = (lane: Lane) => tenants.get(lane.tenantId)?.get(lane.id) ?? 0;
  const orderOf = (tenantId: string): readonly string[] => {
    const known = orders.get(tenantId);
    if (known) return known;
    const sorted = [...(tenants.get(tenantId)?.keys() ?? [])].sort();
    orders.set(tenantId, sorted);
    return sorted;
  };
  const lanesBehind = function* (after: LaneCursor | undefined): Generator<Lane> {
    for (const tenantId of [...tenants.keys()].sort()) {
      if (after && tenantId < after.tenantId) continue;
      const isHere = after?.tenantId === tenantId;
      if (isHere && after.id === undefined) continue;
      const order = orderOf(tenantId);
      for (let at = isHere ? indexBehind(order, after?.id ?? "") : 0; at < order.length; at++) {
        const id = order[at] ?? "";
        if (work({ tenantId, id }) > 0 && !held.has(id)) yield { tenantId, id };
      }
    }
  };
  return {
    add: ({ tenantId, id }, count = 1) => {
      const lanes = tenants.get(tenantId) ?? new Map<string, number>();
      tenants.set(tenantId, lanes);
      if (!lanes.has(id)) orders.delete(tenantId);
      lanes.set(id, (lanes.get(id) ?? 0) + count);
      pending += count;
    },
    claim: (lane) => {
      if (held.has(lane.id)) {
        collisions++;
        return "taken";
      }
      if (work(lane) === 0) return "idle";
      held.add(lane.id);
      return "work";
    },
    finish: (lane) => {
      held.delete(lane.id);
      tenants.get(lane.tenantId)?.set(lane.id, work(lane) - 1);
      pending--;
      done++;
    },
    source: async (after, limit) => {
      const lanes: Lane[] = [];
      for (const lane of lanesBehind(after)) {
        if (lanes.length === limit) break;
        lanes.push(lane);
      }
      answered += lanes.length;
      return lanes;
    },
    hasWork: async (lane) => work(lane) > 0 && !held.has(lane.id),
    get pending() {
      return pending;
    },
    get done() {
      return done;
    },
    get collisions() {
      return collisions;
    },
    get answered() {
      return answered;
    },
  };
};

const indexBehind = (order: readonly string[], id: string): number => {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((order[middle] ?? "") > id) high = middle;
    else low = middle + 1;
  }
  return low;
};

/**
 * A step that does a store's work at once; `during` runs while it holds the lane, `beforeIdle` when
 * it found nothing: the moments in which a wake is easily lost.
 */
export const workingStep =
  (
    store: CountingStore,
    during: (lane: Lane) => Promise<void> = async () => {},
    beforeIdle: () => Promise<void> = async () => {},
  ): Step =>
  async (lane) => {
    const claim = store.claim(lane);
    if (claim === "idle") {
      await beforeIdle();
      return "idle";
    }
    if (claim === "taken") return { afterMs: 20 };
    await during(lane);
    store.finish(lane);
    return "again";
  };

/** Steps whose ends the test decides. */
export const heldSteps = () => {
  const begun: Lane[] = [];
  const ends: { readonly lane: Lane; readonly end: (next: "again" | "idle") => void }[] = [];
  const step: Step = (lane) => {
    begun.push(lane);
    return new Promise((resolve) => ends.push({ lane, end: resolve }));
  };
  return {
    step,
    begun,
    get running() {
      return ends.length;
    },
    /** Ends the oldest running step. */
    endOne: (next: "again" | "idle" = "idle") => ends.shift()?.end(next),
  };
};

export const laneOf = (tenantId: string, id: string | number): Lane => ({
  tenantId,
  id: `["chat","${tenantId}","${id}"]`,
});

const empty: LaneSource = async () => [];
const PARTS: Omit<ScheduleParts, "step"> = {
  source: empty,
  hasWork: async () => false,
  onError: (_, cause) => {
    throw cause;
  },
  concurrency: 4,
  perTenant: 4,
  sweepMs: 60_000,
  retryAfterMs: 50,
};
// More than any schedule here needs to begin what it was woken for.
const SOON = { timeout: 20_000, interval: 5 };

/**
 * What every schedule does, whatever carries its wakes. `create` also sees to cleaning up;
 * `arrived` resolves when a lane that was woken waits for its turn.
 */
export const describeSchedule = (
  create: (parts: ScheduleParts) => Promise<Schedule>,
  arrived: (lane: Lane) => Promise<void>,
): void => {
  it("runs one step of a lane at a time and does not lose a wake that comes meanwhile", async () => {
    const store = countingStore();
    const ends: (() => void)[] = [];
    const step = workingStep(store, () => new Promise((resolve) => ends.push(resolve)));
    const schedule = await create({ ...PARTS, ...store, step });
    const lane = laneOf("acme", 1);
    store.add(lane);
    schedule.wake(lane);
    await vi.waitFor(() => expect(ends).toHaveLength(1), SOON);
    store.add(lane);
    schedule.wake(lane);
    schedule.wake(lane);
    ends[0]?.();
    await vi.waitFor(() => expect(ends).toHaveLength(2), SOON);
    ends[1]?.();
    await vi.waitFor(() => expect(store.pending).toBe(0), SOON);
    expect(store.collisions).toBe(0);
  });

  it("looks once more when it was woken after its step had found nothing", async () => {
    let schedule: Schedule | undefined;
    const step = vi
      .fn<Step>()
      .mockImplementationOnce(async (lane) => {
        schedule?.wake(lane);
        return "idle";
      })
      .mockResolvedValue("idle");
    schedule = await create({ ...PARTS, step });
    schedule.wake(laneOf("acme", 1));
    await vi.waitFor(() => expect(step).toHaveBeenCalledTimes(2), SOON);
  });

  it("runs other lanes while one is slow", async () => {
    const steps = heldSteps();
    const schedule = await create({ ...PARTS, step: steps.step });
    schedule.wake(laneOf("acme", "slow"));
    schedule.wake(laneOf("acme", "quick"));
    await vi.waitFor(() => expect(steps.running).toBe(2), SOON);
  });

  it("keeps tenants apart that share a conversation", async () => {
    const steps = heldSteps();
    const schedule = await create({ ...PARTS, step: steps.step });
    const id = '["chat","acme","room"]';
    schedule.wake({ id, tenantId: "sales" });
    await vi.waitFor(() => expect(steps.running).toBe(1), SOON);
    schedule.wake({ id, tenantId: "legal" });
    await vi.waitFor(() => expect(steps.running).toBe(2), SOON);
    expect(steps.begun.map((lane) => lane.tenantId)).toEqual(["sales", "legal"]);
  });

  it("gives a tenant no more steps than its cap, and the rest to others", async () => {
    const steps = heldSteps();
    const schedule = await create({ ...PARTS, perTenant: 2, step: steps.step });
    for (let n = 0; n < 10; n++) schedule.wake(laneOf("flood", n));
    await vi.waitFor(() => expect(steps.running).toBe(2), SOON);
    schedule.wake(laneOf("quiet", 1));
    schedule.wake(laneOf("quiet", 2));
    await vi.waitFor(() => expect(steps.running).toBe(4), SOON);
    expect(steps.begun.filter((lane) => lane.tenantId === "flood")).toHaveLength(2);
  });

  it("delays a single conversation behind another tenant's 1,000 by at most one step per slot", async () => {
    const store = countingStore();
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const step = workingStep(store, (lane) => {
      begun.push(lane.tenantId);
      return new Promise((resolve) => ends.push(resolve));
    });
    const schedule = await create({ ...PARTS, ...store, step, sweepMs: 200 });
    for (let n = 0; n < 1_000; n++) {
      store.add(laneOf("flood", n));
      schedule.wake(laneOf("flood", n));
    }
    await vi.waitFor(() => expect(ends).toHaveLength(4), SOON);
    store.add(laneOf("quiet", 1));
    schedule.wake(laneOf("quiet", 1));
    await arrived(laneOf("quiet", 1));
    const before = begun.length;
    while (!begun.includes("quiet")) {
      const count = begun.length;
      ends.shift()?.();
      await vi.waitFor(() => expect(begun.length).toBeGreaterThan(count), SOON);
    }
    expect(begun.length - before).toBeLessThanOrEqual(4 + 1);
    const draining = schedule.drain();
    await vi.waitFor(() => {
      for (const end of ends.splice(0)) end();
      return draining;
    }, SOON);
  });

  it("looks again at the time that a step asked for", async () => {
    const step = vi.fn<Step>().mockResolvedValueOnce({ afterMs: 30 }).mockResolvedValue("idle");
    const schedule = await create({ ...PARTS, step });
    schedule.wake(laneOf("acme", 1));
    await vi.waitFor(() => expect(step).toHaveBeenCalledTimes(2), SOON);
  });

  it("tries a step that threw again, and reports it", async () => {
    const fault = new Error("disk full");
    const onError = vi.fn();
    const step = vi.fn<Step>().mockRejectedValueOnce(fault).mockResolvedValue("idle");
    const schedule = await create({ ...PARTS, step, onError });
    schedule.wake(laneOf("acme", 1));
    await vi.waitFor(() => expect(step).toHaveBeenCalledTimes(2), SOON);
    expect(onError).toHaveBeenCalledWith(laneOf("acme", 1), fault);
  });

  it("begins with what the store holds already, and finds what nobody woke", async () => {
    const store = countingStore();
    for (let n = 0; n < 300; n++) store.add(laneOf(`tenant-${n % 3}`, n), 2);
    await create({ ...PARTS, ...store, step: workingStep(store), sweepMs: 50 });
    await vi.waitFor(() => expect(store.done).toBe(600), SOON);
    store.add(laneOf("tenant-1", "replayed"));
    await vi.waitFor(() => expect(store.done).toBe(601), SOON);
  });

  it("does every piece of work once when thousands of wakes come at random moments", async () => {
    const store = countingStore();
    const aMoment = () => moments(Math.floor(Math.random() * 3));
    const step = workingStep(store, aMoment, aMoment);
    const schedule = await create({ ...PARTS, ...store, step, concurrency: 16 });
    let added = 0;
    for (let round = 0; round < 400; round++) {
      for (let n = 0; n < 10; n++) {
        const lane = laneOf(`tenant-${n % 2}`, Math.floor(Math.random() * 5));
        store.add(lane);
        added++;
        schedule.wake(lane);
      }
      await moments(Math.floor(Math.random() * 4));
    }
    await vi.waitFor(() => expect(store.done).toBe(added), SOON);
    expect(store.collisions).toBe(0);
  });

  it("drain: lets running steps end and begins no more", async () => {
    const steps = heldSteps();
    const schedule = await create({ ...PARTS, concurrency: 1, step: steps.step });
    schedule.wake(laneOf("acme", 1));
    await vi.waitFor(() => expect(steps.running).toBe(1), SOON);
    schedule.wake(laneOf("acme", 2));
    let isDrained = false;
    const drained = schedule.drain().then(() => {
      isDrained = true;
    });
    schedule.wake(laneOf("acme", 3));
    await moments(20);
    expect(isDrained).toBe(false);
    steps.endOne("again");
    await drained;
    expect(steps.begun).toHaveLength(1);
  });
};

/** Lets so many turns of the event loop pass. */
export const moments = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise(setImmediate);
};
