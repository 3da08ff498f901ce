import { createFairSlots } from "./fair-slots.ts";
import type { After, LaneJobs, Task } from "./lane-jobs.ts";
import { type Lane, type LaneSource, laneKey, type Step } from "./schedule.ts";

/** The work that a process does itself. */
export interface OwnWork {
  readonly step: Step;
  readonly source: LaneSource;
  /** Whether a step of this lane would find something to do now. */
  readonly hasWork: (lane: Lane) => Promise<boolean>;
  /** Steps that may run in this process at the same time. */
  readonly concurrency: number;
  /** Steps of one tenant that may run in this process at the same time. */
  readonly perTenant: number;
}

/** Takes jobs from Redis and works on their lanes, fairly among tenants. */
export interface LaneWorker {
  /** Whether the lane is in work here; then it is looked at once more. */
  wake(lane: Lane): boolean;
  /** Whether this tenant's first ready lane has waited for too long. */
  isFull(tenantId: string): boolean;
  /** The tenants of which that is so. */
  full(): Iterable<string>;
  /** Runs what has begun to its end and gives the rest back. */
  drain(): Promise<void>;
}

export interface LaneWorkerOptions extends OwnWork {
  readonly jobs: LaneJobs;
  readonly retryAfterMs: number;
  readonly fullAfterMs: number;
  readonly onError: (lane: Lane | undefined, cause: unknown) => void;
  readonly now: () => Date;
  /** Adds a job, or sees to it later; never rejects. */
  readonly add: (task: Task) => Promise<void>;
  /** Lanes of this tenant were left to the store. */
  readonly overflow: (tenantId: string) => void;
  readonly cursors: Cursors;
  /** The tenant's backlog lasts: tell who accepts messages. */
  readonly tellFull: (tenantId: string) => Promise<void>;
  readonly gone: (task: Task, after: After) => void;
}

/** How far the lanes of a tenant's backlog were brought in; may be lost at any time. Never rejects. */
export interface Cursors {
  get(tenantId: string): Promise<Cursor | undefined>;
  set(tenantId: string, cursor: Cursor | undefined): Promise<void>;
}

export interface Cursor {
  readonly id: string;
  /** When this walk through the backlog began, epoch milliseconds. */
  readonly sinceMs: number;
}

interface Taken {
  readonly lane: Lane;
  readonly leave: (after: After) => void;
  /** Woken while its step ran: that step may have looked too early. */
  isWoken: boolean;
}

// What a tenant may have waiting here. Small, so that other workers get their part, and enough to
// be busy until the next ones are here.
const WAITING_LANES = 64;
const PAGE = WAITING_LANES / 2;
const LOW = WAITING_LANES / 4;
// Jobs beyond those that run. All are taken at once, so that it is the slots that decide on turns
// and not the order in Redis; exact for this many tenants with WAITING_LANES each.
const MORE_JOBS = 16 * WAITING_LANES;
// The last lanes of a backlog are taken care of when none is found any more.
const LOOK_AGAIN_MS = 1_000;

export const createLaneWorker = (options: LaneWorkerOptions): LaneWorker => {
  const { jobs, step, source, onError, now, add, overflow, cursors, gone } = options;
  const { retryAfterMs, fullAfterMs, tellFull } = options;
  const taken = new Map<string, Taken>();
  // Tenants that have more lanes in the store, until there is room for them.
  const held = new Map<string, (after: After) => void>();
  let isOpen = true;
  // What is given back earlier could come back to us, and be on its way when we close the connection.
  let paused: Promise<void> = Promise.resolve();

  const leave = (entry: Taken, after: After): void => {
    taken.delete(laneKey(entry.lane));
    entry.leave(after);
  };

  const slots = createFairSlots<Taken>({
    slots: options.concurrency,
    perTenant: options.perTenant,
    now,
    run: async (entry) => {
      const { lane } = entry;
      entry.isWoken = false;
      bringMore(lane.tenantId);
      try {
        const next = await step(lane);
        if (next === "again" || entry.isWoken) {
          if (isOpen) slots.push(lane.tenantId, entry);
          else paused.then(() => leave(entry, "again"));
        } else leave(entry, next === "idle" ? "look" : { againAfterMs: next.afterMs });
      } catch (cause) {
        onError(lane, cause);
        leave(entry, { againAfterMs: retryAfterMs });
      }
    },
  });

  const take = async (task: Task): Promise<After> => {
    if (!isOpen) {
      await paused;
      return "again";
    }
    if (task.kind === "more") {
      return new Promise((resolve) => {
        held.get(task.tenantId)?.("nothing"); // the same twice: Redis was wiped meanwhile
        held.set(task.tenantId, resolve);
        bringMore(task.tenantId);
      });
    }
    const { lane } = task;
    // Twice here: its first job was lost or ran out of time. Never two steps of a lane at once.
    if (wake(lane)) return "nothing";
    if (slots.waiting(lane.tenantId) >= WAITING_LANES) {
      overflow(lane.tenantId);
      return "nothing";
    }
    return new Promise((resolve) => {
      const entry = { lane, leave: resolve, isWoken: false };
      taken.set(laneKey(lane), entry);
      slots.push(lane.tenantId, entry);
    });
  };

  const wake = (lane: Lane): boolean => {
    const entry = taken.get(laneKey(lane));
    if (entry) entry.isWoken = true;
    return entry !== undefined;
  };

  /** Adds a page of a tenant's lanes to Redis when few wait here, for any worker to take. */
  const bringMore = (tenantId: string): void => {
    const resolve = held.get(tenantId);
    if (!resolve || !isOpen || slots.waiting(tenantId) >= LOW) return;
    held.delete(tenantId);
    addPage(tenantId).then(resolve, (cause) => {
      onError(undefined, cause);
      resolve({ againAfterMs: retryAfterMs });
    });
  };

  const addPage = async (tenantId: string): Promise<After> => {
    const cursor = await cursors.get(tenantId);
    const page = await source({ tenantId, id: cursor?.id ?? "" }, PAGE);
    const lanes = page.filter((lane) => lane.tenantId === tenantId);
    const unknown = lanes.filter((lane) => !taken.has(laneKey(lane)));
    await Promise.all(unknown.map((lane) => add({ kind: "lane", lane })));
    const last = lanes.at(-1);
    if (last && lanes.length === PAGE) {
      const sinceMs = cursor?.sinceMs ?? now().getTime();
      await cursors.set(tenantId, { id: last.id, sinceMs });
      if (now().getTime() - sinceMs > fullAfterMs) await tellFull(tenantId);
      return "again";
    }
    if (cursor) await cursors.set(tenantId, undefined);
    return last || cursor ? { againAfterMs: LOOK_AGAIN_MS } : "nothing";
  };

  jobs.process(options.concurrency + MORE_JOBS, take, gone);

  const isFull = (tenantId: string): boolean => slots.waitedMs(tenantId) > fullAfterMs;

  return {
    wake,
    isFull,
    full: () => [...slots.tenants()].filter(isFull),
    drain: async () => {
      isOpen = false;
      paused = jobs.pause();
      const left = await slots.close();
      await paused;
      for (const resolve of held.values()) resolve("again");
      for (const entry of left) leave(entry, "again");
    },
  };
};
