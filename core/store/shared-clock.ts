import { sql } from "kysely";
import type { Log } from "../contract/log.ts";
import { statement } from "./statement.ts";
import type { Store } from "./store.ts";

/** The clock that decides among processes on one store: whose lease ran out, what is due, what a minute holds. */
export interface SharedClock {
  now(): Date;
  stop(): void;
}

export interface SharedClockOptions {
  readonly store: Store;
  /** This machine's clock. */
  readonly now: () => Date;
  /** Milliseconds on a clock of this process that nobody sets. Default: `performance.now`. */
  readonly elapsedMs?: () => number;
  /** Told when this machine's clock is off by much. Default: nobody is. */
  readonly log?: Log;
  readonly everyMs?: number;
}

// A clock of a machine that lost its time server drifts by a second a day.
const EVERY_MS = 10_000;
// So much two readings differ by themselves. Smaller corrections would only make time jump.
const JITTER_MS = 100;
// An answer that took longer says little about when it was given.
const LONGEST_ANSWER_MS = 1_000;
const OFF_BY_MUCH_MS = 5_000;

/**
 * Takes the time from PostgreSQL, where processes on several machines meet, and counts on by itself in
 * between: a machine whose clock is set would take over what all the others work on until its next
 * look. An embedded store has one process, whose clock is the only one.
 * Throws StoreError when PostgreSQL cannot be asked.
 */
export const startSharedClock = async (options: SharedClockOptions): Promise<SharedClock> => {
  const { store, now, log, everyMs = EVERY_MS } = options;
  const { elapsedMs = () => performance.now() } = options;
  if (store.dialect === "sqlite") return { now, stop: () => {} };
  let offsetMs = 0;
  let isFirst = true;
  let isTold = false;
  const shared = (): Date => new Date(elapsedMs() + offsetMs);

  const look = async (): Promise<void> => {
    const { before, at, after } = await store.read("intake", async (transaction) => {
      const asked = elapsedMs();
      const row = await transaction.first(databaseTime, {});
      return { before: asked, at: row?.at, after: elapsedMs() };
    });
    const tookMs = after - before;
    if (at === undefined || (tookMs > LONGEST_ANSWER_MS && !isFirst)) return;
    const foundMs = Math.round(at - (before + after) / 2);
    const isJitter = Math.abs(foundMs - offsetMs) <= JITTER_MS + tookMs / 2;
    if (!isJitter) offsetMs = foundMs;
    isFirst = false;
    const offMs = shared().getTime() - now().getTime();
    const isOff = Math.abs(offMs) > OFF_BY_MUCH_MS;
    if (isOff && !isTold) {
      const fields = { offsetMs: offMs, alert: "clock_off" };
      log?.warn(
        fields,
        "this machine's clock differs from PostgreSQL's, which counts: set it (NTP)",
      );
    }
    isTold = isOff;
  };

  await look();
  const timer = setInterval(() => {
    look().catch((cause) => log?.warn({ err: cause }, "PostgreSQL's time not read; trying again"));
  }, everyMs);
  timer.unref();
  return {
    now: shared,
    stop: () => clearInterval(timer),
  };
};

/** Epoch milliseconds. */
const databaseTime = statement<object>()((db) =>
  db.selectNoFrom(sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`.as("at")),
);
