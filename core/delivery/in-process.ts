import { createBacklog } from "./backlog.ts";
import { createFairSlots } from "./fair-slots.ts";
import { createPauses } from "./pauses.ts";
import { type Lane, type LaneSource, laneKey, type Schedule, type Step } from "./schedule.ts";

export interface InProcessOptions {
  readonly step: Step;
  readonly source: LaneSource;
  /** Steps that may run at the same time. */
  readonly concurrency: number;
  /** Steps of one tenant that may run at the same time. */
  readonly perTenant: number;
  /** No lane: the source could not be asked. It is asked again after `retryAfterMs`. */
  readonly onError: (lane: Lane | undefined, cause: unknown) => void;
  readonly now: () => Date;
  /** How often to look for lanes that nobody woke. */
  readonly sweepMs?: number;
  /** Pause after a step that threw. */
  readonly retryAfterMs?: number;
  /** A tenant is full when its first ready lane has waited longer than this for a slot. */
  readonly fullAfterMs?: number;
  /** Lanes to hold in memory, waiting for a slot; again as many may wait for their time. */
  readonly maxLanes?: number;
  readonly maxLanesPerTenant?: number;
}

interface Known {
  readonly lane: Lane;
  /** Its `laneKey`, put together once. */
  readonly key: string;
  state: "ready" | "running" | "paused";
  /** Woken while its step ran: that step may have looked too early. */
  isWoken: boolean;
  /** What its next step is in place of the usual one. */
  first?: Step | undefined;
}

// However many lanes the other tenants have: enough to take every turn until more are brought in.
const RESERVED_LANES = 16;
const PAGE = 256;

/**
 * Schedules within this process. Lanes beyond what it holds in memory are forgotten and found in
 * the store again; a tenant that has such lanes gets all of its lanes from there, in their order, so
 * that what comes in cannot keep overtaking them.
 */
export const createInProcessSchedule = (options: InProcessOptions): Schedule => {
  const { step, onError, now } = options;
  const { sweepMs = 10_000, retryAfterMs = 1_000, fullAfterMs = 3_000 } = options;
  const { maxLanes = 10_000, maxLanesPerTenant = 1_000 } = options;
  const known = new Map<string, Known>();
  let isOpen = true;

  const slots = createFairSlots<Known>({
    slots: options.concurrency,
    perTenant: options.perTenant,
    now,
    run: async (entry) => {
      const { lane, key, first = step } = entry;
      entry.state = "running";
      entry.isWoken = false;
      entry.first = undefined;
      backlog.hasRoom(lane.tenantId);
      try {
        const next = await first(lane);
        if (next === "again" || entry.isWoken) makeReady(entry);
        else if (next === "idle") known.delete(key);
        else pause(entry, next.afterMs);
      } catch (cause) {
        onError(lane, cause);
        pause(entry, retryAfterMs);
      }
    },
  });

  const bound = (tenantId: string): { readonly lanes: number; readonly free: number } => {
    const lanes = slots.size < maxLanes ? maxLanesPerTenant : RESERVED_LANES;
    return { lanes, free: lanes - slots.waiting(tenantId) };
  };

  const backlog = createBacklog({
    source: options.source,
    // Asked for when half of them are gone, so that each question brings many.
    room: (tenantId) => {
      const { lanes, free } = bound(tenantId);
      return free * 2 > lanes ? Math.min(PAGE, free) : 0;
    },
    bring: (lane) => {
      const key = laneKey(lane);
      if (!known.has(key)) makeReady({ lane, key, state: "ready", isWoken: false });
    },
    sweepMs,
    retryAfterMs,
    onError: (cause) => onError(undefined, cause),
  });

  const pauses = createPauses(maxLanes);

  const makeReady = (entry: Known): void => {
    entry.state = "ready";
    known.set(entry.key, entry);
    slots.push(entry.lane.tenantId, entry);
  };

  const pause = (entry: Known, afterMs: number): void => {
    const { key } = entry;
    entry.state = "paused";
    if (!pauses.begin(key, afterMs, () => admit(entry))) known.delete(key);
  };

  const admit = (entry: Known): void => {
    const { tenantId } = entry.lane;
    if (!backlog.has(tenantId) && bound(tenantId).free > 0) {
      makeReady(entry);
      return;
    }
    known.delete(entry.key);
    backlog.forget(tenantId);
  };

  backlog.start();
  return {
    wake: (lane) => {
      if (!isOpen) return;
      const key = laneKey(lane);
      const entry = known.get(key);
      if (!entry) admit({ lane, key, state: "ready", isWoken: false });
      else if (entry.state === "running") entry.isWoken = true;
      else if (entry.state === "paused") {
        pauses.end(key);
        admit(entry);
      }
    },
    begin: (lane, first) => {
      const { tenantId } = lane;
      const key = laneKey(lane);
      if (known.has(key) || backlog.has(tenantId) || !slots.hasFree(tenantId)) return false;
      makeReady({ lane, key, state: "ready", isWoken: false, first });
      return true;
    },
    isFull: (tenantId) => backlog.has(tenantId) || slots.waitedMs(tenantId) > fullAfterMs,
    drain: async () => {
      isOpen = false;
      pauses.close();
      await Promise.all([slots.close(), backlog.stop()]);
    },
  };
};
