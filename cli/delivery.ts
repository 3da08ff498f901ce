import type { AuditLog } from "../core/audit-log.ts";
import type { ChannelAdapter, Receive } from "../core/contract/channel.ts";
import type { Log } from "../core/contract/log.ts";
import type { Metrics } from "../core/contract/metrics.ts";
import { createBullSchedule } from "../core/delivery/bull.ts";
import type { Counters } from "../core/delivery/counters.ts";
import { startHousekeeping } from "../core/delivery/housekeeping.ts";
import { createInProcessSchedule } from "../core/delivery/in-process.ts";
import type { Inbox } from "../core/delivery/inbox.ts";
import { createOutbox } from "../core/delivery/outbox.ts";
import type { ProcessLease } from "../core/delivery/process-lease.ts";
import type { RedisHealth } from "../core/delivery/redis-link.ts";
import type { RunningTurns } from "../core/delivery/running-turns.ts";
import type { Lane, LaneSource, Schedule } from "../core/delivery/schedule.ts";
import { createDispatcher } from "../core/dispatcher.ts";
import type { ReviewQueue } from "../core/reviews/reviews.ts";
import type { ContentCipher } from "../core/store/content-cipher.ts";
import type { Store } from "../core/store/store.ts";
import type { Rules } from "../core/turn.ts";
import type { Roles } from "./roles.ts";

/** The way of a message through the store: in, worked on, out. */
export interface Delivery {
  /** Where channels hand messages in; what arrives before `start` waits for it. */
  readonly receive: Receive;
  /** Whether Redis can be reached; undefined where none is used. */
  redisHealth(): RedisHealth | undefined;
  /** Looks at a lane at once, for a turn to begin and a reply to send. */
  wake(lane: Lane): void;
  /** Begins to work, also on what earlier processes left. */
  start(): void;
  /** Begins nothing more; resolves when what runs has ended. */
  drain(): Promise<void>;
}

export interface DeliveryParts {
  readonly roles: Roles;
  /** Absent: conversations are shared out within this process. */
  readonly redisUrl: string | undefined;
  readonly lease: ProcessLease;
  /** No other process can be at work on this store. */
  readonly isAlone: boolean;
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly adapters: ReadonlyMap<string, ChannelAdapter>;
  readonly inbox: Inbox;
  readonly turns: RunningTurns;
  readonly rules: () => Rules;
  readonly auditLog: AuditLog;
  readonly log: Log;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly counters: Counters;
  readonly metrics: Metrics;
  readonly reviews: Pick<ReviewQueue, "tidy">;
}

const TURNS = { concurrency: 256, perTenant: 64 };
// Most of a send is waiting: for the platform, and for what is written down together with others. On
// a busy machine it takes 0.15 s, and then 256 are some 1,700 answers a second.
const SENDS = { concurrency: 1_024, perTenant: 256 };

/** Builds the parts; nothing moves before `start`. */
export const createDelivery = (parts: DeliveryParts): Delivery => {
  const { roles, redisUrl, lease, isAlone, store, cipher, inbox, turns, adapters, rules } = parts;
  const { auditLog, log, now, signal, counters, metrics, reviews } = parts;
  let schedule: Schedule = NOT_STARTED;
  let sends: Schedule = NOT_STARTED;
  const outbox = createOutbox({
    store,
    cipher,
    owner: lease.id,
    isAlone,
    adapters,
    now,
    log,
    signal,
    counters,
    metrics,
    holdsLease: () => isAlone || lease.isHeld(),
    ...(!isAlone && { leaseTerm: lease.term }),
    random: Math.random,
    schedule: () => sends,
  });
  const dispatcher = createDispatcher({
    inbox,
    outbox,
    turns,
    adapters,
    rules,
    auditLog,
    log,
    now,
    signal,
    counters,
    metrics,
    schedule: () => schedule,
    isWorker: roles.isWorker,
  });
  const onError = (what: string) => (lane: Lane | undefined, cause: unknown) => {
    if (!signal.aborted) log.error({ err: cause, lane }, `${what} not finished; trying again`);
  };
  let redisHealth: (() => RedisHealth) | undefined;
  const startTurns = (): Schedule => {
    const work = { ...TURNS, step: dispatcher.step, source: inbox.pendingLanes };
    const shared = { onError: onError("turn"), now };
    if (redisUrl === undefined) return createInProcessSchedule({ ...work, ...shared });
    const bull = createBullSchedule({
      ...shared,
      redisUrl,
      log,
      name: "turns",
      ...(roles.isWorker && { work: { ...work, hasWork: inbox.hasPending } }),
    });
    redisHealth = bull.health;
    return bull;
  };
  let stopHousekeeping = () => {};
  return {
    redisHealth: () => redisHealth?.(),
    receive: dispatcher.receive,
    wake: (lane) => {
      inbox.noteOther(lane);
      schedule.wake(lane);
      sends.wake(lane);
    },
    start: () => {
      // Whoever ends a turn sends its reply, a gateway that of a `/stop`; what a dead process left, a
      // worker's sweep finds.
      sends = createInProcessSchedule({
        ...SENDS,
        step: outbox.step,
        source: roles.isWorker ? outbox.lanes : NO_LANES,
        now,
        onError: onError("send"),
      });
      schedule = startTurns();
      stopHousekeeping = startHousekeeping({ store, inbox, reviews, now, log });
    },
    drain: async () => {
      stopHousekeeping();
      await schedule.drain();
      await sends.drain();
      await outbox.flush();
    },
  };
};

const NO_LANES: LaneSource = async () => [];

/** Before the start nothing is worked on; what arrives is found in the store afterwards. */
const NOT_STARTED: Schedule = {
  wake: () => {},
  isFull: () => false,
  drain: async () => {},
};
