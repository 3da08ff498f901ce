import type { Log } from "../contract/log.ts";
import { tenantsWithWork } from "./backlog.ts";
import { type After, createLaneJobs, type Task } from "./lane-jobs.ts";
import { type Cursor, createLaneWorker, type OwnWork } from "./lane-worker.ts";
import { createPauses } from "./pauses.ts";
import { openRedisLink, type RedisHealth } from "./redis-link.ts";
import { type Lane, laneKey, type Schedule } from "./schedule.ts";
import { createSharedFullness } from "./shared-fullness.ts";

/** A schedule for several processes, which tell each other through Redis what there is to do. */
export interface BullSchedule extends Schedule {
  /** Whether Redis works; while it does not, work waits in the store. */
  health(): RedisHealth;
}

export interface BullOptions {
  readonly redisUrl: string;
  /** Start of all keys in Redis; one for each installation that shares it. */
  readonly prefix?: string;
  /** What is scheduled, e.g. `turns`: a part of the keys. */
  readonly name: string;
  /** What this process works on; without it, it only wakes the others. */
  readonly work?: OwnWork;
  /** No lane: the store could not be asked. */
  readonly onError: (lane: Lane | undefined, cause: unknown) => void;
  readonly log: Log;
  readonly now: () => Date;
  /** How often one of the workers looks in the store for lanes that nobody woke. */
  readonly sweepMs?: number;
  /** Pause after a step that threw. */
  readonly retryAfterMs?: number;
  /** A tenant is full when its first ready lane has waited longer than this for a slot. */
  readonly fullAfterMs?: number;
  /** The lanes of a worker that is not heard of for this long are given to others. */
  readonly leaseMs?: number;
}

// A tenant's wakes that become jobs of their own, in one window and from this process. The lanes of
// the others are found in the store by one job for all: a flood costs Redis and the others nothing.
const WINDOW_MS = 100;
const WAKES_PER_WINDOW = 32;
const MAX_PAUSES = 10_000;
// A walk through a backlog that nobody goes on with is begun anew.
const CURSOR_LASTS_MS = 60_000;

export const createBullSchedule = (options: BullOptions): BullSchedule => {
  const { name, work, onError, log, now } = options;
  const { sweepMs = 10_000, retryAfterMs = 1_000, fullAfterMs = 3_000 } = options;
  const { leaseMs = 30_000, prefix = "clawgate" } = options;
  const keys = `${prefix}:${name}`;
  const link = openRedisLink(options.redisUrl, log, `${keys}:probe`);
  const pauses = createPauses(MAX_PAUSES);
  const wakes = new Map<string, number>(); // by tenant, in this window
  const overflowing = new Set<string>();
  const underWay = new Set<Promise<void>>();
  let windowTimer: NodeJS.Timeout | undefined;
  let sweepTimer: NodeJS.Timeout | undefined;
  let isOpen = true;

  const jobs = createLaneJobs({ link, prefix, name, leaseMs, onWiped: () => sweepIn(0) });

  /** Adds it now, or else its tenant's lanes from the store as soon as Redis works. */
  const add = async (task: Task): Promise<void> => {
    const tenantId = task.kind === "lane" ? task.lane.tenantId : task.tenantId;
    if (!link.isUp) {
      overflow(tenantId);
      return;
    }
    try {
      await jobs.add(task);
    } catch (cause) {
      link.failed(cause);
      overflow(tenantId);
    }
  };

  const inBackground = (promise: Promise<void>): void => {
    underWay.add(promise);
    promise.finally(() => underWay.delete(promise));
  };

  const overflow = (tenantId: string): void => {
    overflowing.add(tenantId);
    openWindow();
  };

  const openWindow = (): void => {
    if (isOpen) windowTimer ??= setTimeout(closeWindow, WINDOW_MS);
  };

  const closeWindow = (): void => {
    clearTimeout(windowTimer);
    windowTimer = undefined;
    wakes.clear();
    if (!link.isUp) return; // overflowing tenants wait for it
    const tenants = [...overflowing];
    overflowing.clear();
    for (const tenantId of tenants) inBackground(add({ kind: "more", tenantId }));
  };

  const wake = (lane: Lane): void => {
    if (!isOpen || worker?.wake(lane)) return;
    const { tenantId } = lane;
    const count = (wakes.get(tenantId) ?? 0) + 1;
    wakes.set(tenantId, count);
    openWindow();
    if (count > WAKES_PER_WINDOW) overflowing.add(tenantId);
    else inBackground(add({ kind: "lane", lane }));
  };

  const gone = (task: Task, after: After): void => {
    if (after === "nothing") return;
    if (after === "again") inBackground(add(task));
    else if (after === "look") inBackground(lookAgain(task));
    else {
      const key = task.kind === "lane" ? `lane ${laneKey(task.lane)}` : `more ${task.tenantId}`;
      pauses.begin(key, after.againAfterMs, () => inBackground(add(task)));
    }
  };

  const lookAgain = async (task: Task): Promise<void> => {
    if (task.kind !== "lane" || !work) return;
    try {
      if (await work.hasWork(task.lane)) await add(task);
    } catch (cause) {
      onError(task.lane, cause);
      overflow(task.lane.tenantId);
    }
  };

  /** Runs a command; what fails is Redis's outage, and the answer then undefined. */
  const ask = async <T>(command: Promise<T>): Promise<T | undefined> => {
    try {
      return await command;
    } catch (cause) {
      link.failed(cause);
      return undefined;
    }
  };

  const takeSweep = async (): Promise<boolean> => {
    const lastsMs = Math.ceil(sweepMs * 0.9);
    const isTaken = await ask(link.client.set(`${keys}:sweep`, "1", "PX", lastsMs, "NX"));
    return isTaken === "OK";
  };

  /** One worker does it for all, unless the others cannot know that it must be done at once. */
  const sweep = async (isAtOnce: boolean): Promise<void> => {
    if (!work || !link.isUp) return;
    if (!(await takeSweep()) && !isAtOnce) return;
    for await (const tenantId of tenantsWithWork(work.source)) {
      if (!isOpen) return;
      await add({ kind: "more", tenantId });
    }
  };

  const sweepIn = (afterMs: number): void => {
    clearTimeout(sweepTimer);
    if (!isOpen || !work) return;
    sweepTimer = setTimeout(() => {
      const over = sweep(afterMs === 0).then(
        () => sweepIn(sweepMs),
        (cause) => {
          onError(undefined, cause);
          sweepIn(retryAfterMs);
        },
      );
      inBackground(over);
    }, afterMs);
  };

  const fullness = createSharedFullness({
    link,
    prefix: keys,
    fullHere: () => worker?.full() ?? [],
    waiting: jobs.waiting,
  });

  const cursorKey = (tenantId: string) => `${keys}:cursor:${tenantId}`;
  const worker =
    work &&
    createLaneWorker({
      ...work,
      jobs,
      retryAfterMs,
      fullAfterMs,
      onError,
      now,
      add,
      overflow,
      gone,
      tellFull: async (tenantId) => {
        await ask(fullness.tell(tenantId));
      },
      cursors: {
        get: async (tenantId) => {
          const found = await ask(link.client.get(cursorKey(tenantId)));
          return found ? (JSON.parse(found) as Cursor) : undefined;
        },
        set: async (tenantId, cursor) => {
          const key = cursorKey(tenantId);
          const text = JSON.stringify(cursor);
          if (!cursor) await ask(link.client.del(key));
          else await ask(link.client.set(key, text, "PX", CURSOR_LASTS_MS));
        },
      },
    });

  link.onUp(() => {
    closeWindow();
    sweepIn(0);
  });

  return {
    wake,
    isFull: (tenantId) => (worker?.isFull(tenantId) ?? false) || fullness.isFull(tenantId),
    health: link.health,
    drain: async () => {
      isOpen = false;
      for (const timer of [windowTimer, sweepTimer]) clearTimeout(timer);
      fullness.close();
      pauses.close();
      await worker?.drain();
      await jobs.settled();
      await Promise.all(underWay);
      await jobs.close();
    },
  };
};
