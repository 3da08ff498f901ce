import type { ChannelState, Lease, Leases } from "../../../core/contract/channel-state.ts";
import type { Log } from "../../../core/contract/log.ts";
import type { ChannelMetrics } from "../../../core/contract/metrics.ts";
import { pause } from "../../pause.ts";
import { releaseLease } from "../../release-lease.ts";
import { CHANNEL } from "../types.ts";
import type { Connection, Opened } from "./connection.ts";

/** Keeps one connection up, in one of all replicas. */
export interface Owner {
  start(): void;
  /** Closes the connection, then lets another replica have it. */
  stop(): Promise<void>;
  /** This replica is the one that may speak, whether or not it is connected just now. */
  isOwner(): boolean;
  /** The connection; waits up to `ms` for one. */
  connection(ms: number, signal: AbortSignal): Promise<Connection | undefined>;
  /** Why nothing will come in without an operator; undefined while nothing is known to be wrong. */
  fault(): string | undefined;
}

export interface OwnerOptions {
  readonly botId: string;
  readonly leases: Leases;
  readonly state: ChannelState;
  /** The connection ends when the signal aborts. */
  readonly open: (signal: AbortSignal) => Promise<Opened>;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: ChannelMetrics;
}

// A dead owner's lease lasts 15 s, a released one is free at once. What is said meanwhile is lost.
const LEASE_EVERY_MS = 1_500;
// By then a lease was renewed, or is known to be another's.
const LEASE_RENEWED_MS = 5_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** A connection that lasted so long was a good one. */
const GOOD_MS = 60_000;
const CREDENTIAL_TRIES = 3;
// Whoever displaced us would be displaced in turn: long enough for an operator to find out.
const STAY_AWAY_MS = 10 * 60_000;
const DISPLACED = "displaced: something else has subscribed for this bot";

export const createOwner = (options: OwnerOptions): Owner => {
  const { botId, leases, state, open, random, log, metrics } = options;
  const stopping = new AbortController();
  const awayKey = `bot-link/${botId}/displaced`;
  const about = { channel: CHANNEL, botId };
  let lease: Lease | undefined;
  let connection: Connection | undefined;
  let fault: string | undefined;
  let running: Promise<void> = Promise.resolve();
  const waiting = new Set<() => void>();

  const spread = (ms: number): number => Math.round(ms * (0.75 + random() / 2));

  const wake = (): void => {
    for (const look of [...waiting]) look();
  };

  /** Serves one connection to its end; says what to do next. */
  const serve = async (opened: Connection): Promise<"again" | "displaced"> => {
    connection = opened;
    fault = undefined;
    log.info(about, "long connection is up");
    metrics.connectionChanged("up");
    wake();
    const ending = await opened.ended;
    connection = undefined;
    metrics.connectionChanged("down");
    if (ending.kind === "displaced") return "displaced";
    if (!stopping.signal.aborted) log.warn({ ...about, ending }, "long connection is down");
    return "again";
  };

  /** By a stranger, or by the replica that took the lease over while this process stood still. */
  const displacedBy = async (held: Lease): Promise<"released" | "displaced"> => {
    await pause(LEASE_RENEWED_MS, AbortSignal.any([held.lost, stopping.signal]));
    return held.lost.aborted ? "released" : "displaced";
  };

  /** Until the lease is lost, or there is a reason to let it go. */
  const own = async (held: Lease): Promise<"released" | "displaced" | "credentials"> => {
    let failures = 0;
    let refusals = 0;
    const over = AbortSignal.any([held.lost, stopping.signal]);
    while (!over.aborted) {
      const opened = await open(over);
      if (opened.kind === "open") {
        const since = performance.now();
        const next = await serve(opened.connection);
        if (next === "displaced") return displacedBy(held);
        refusals = 0;
        if (performance.now() - since >= GOOD_MS) failures = 0;
      } else if (opened.kind === "displaced") return displacedBy(held);
      else if (opened.kind === "credentials") {
        refusals += 1;
        if (refusals >= CREDENTIAL_TRIES) return "credentials";
      } else log.warn({ ...about, reason: opened.reason }, "no long connection; trying again");
      if (held.lost.aborted || stopping.signal.aborted) break;
      const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
      failures += 1;
      await pause(spread(waitMs), over);
    }
    return "released";
  };

  const acquire = async (): Promise<Lease | undefined> => {
    try {
      if (await state.get(awayKey)) {
        fault = DISPLACED;
        return undefined;
      }
      return await leases.acquire(`bot-link/${botId}`);
    } catch (err) {
      log.warn({ ...about, err }, "no lease for the long connection; trying again");
      return undefined;
    }
  };

  const stayAway = async (): Promise<void> => {
    fault = DISPLACED;
    log.error(
      { ...about, alert: "wecom_bot_displaced" },
      "something else has subscribed for this bot; use a bot of its own for each gateway",
    );
    try {
      // For every replica: none of them shall displace whoever it is.
      await state.put(awayKey, "", STAY_AWAY_MS);
    } catch (err) {
      log.warn({ ...about, err }, "other replicas not told to stay away");
      await pause(STAY_AWAY_MS, stopping.signal);
    }
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const held = await acquire();
      if (held) {
        lease = held;
        metrics.connectionChanged("gained");
        wake();
        const why = await own(held);
        // Before the lease is free: whoever gets it next must find it.
        if (why === "displaced") await stayAway();
        lease = undefined;
        metrics.connectionChanged(
          why === "displaced" ? why : held.lost.aborted ? "lost" : "released",
        );
        await releaseLease(held, log, about);
        if (why === "credentials") {
          fault = "credentials: bot_id or secret is wrong (errcode 853000)";
          log.error(
            { ...about, alert: "wecom_bot_credentials" },
            "the bot's id or secret is wrong; set them right and restart",
          );
          return;
        }
      }
      await pause(spread(LEASE_EVERY_MS), stopping.signal);
    }
  };

  return {
    start: () => {
      running = run().catch((err: unknown) =>
        log.error({ ...about, err, alert: "wecom_bot_link_ended" }, "long connection given up"),
      );
    },
    stop: async () => {
      stopping.abort();
      wake();
      await running;
    },
    isOwner: () => lease !== undefined && !lease.lost.aborted,
    connection: (ms, signal) =>
      new Promise((resolve) => {
        const end = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          waiting.delete(look);
          resolve(connection);
        };
        const look = (): void => {
          if (connection || stopping.signal.aborted) end();
        };
        const timer = setTimeout(end, ms);
        signal.addEventListener("abort", end, { once: true });
        waiting.add(look);
        if (signal.aborted) end();
        else look();
      }),
    fault: () => fault,
  };
};
