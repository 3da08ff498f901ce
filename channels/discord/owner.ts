import type { SessionInfo } from "@discordjs/ws";
import type { Lease, Leases } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { pause } from "../pause.ts";
import { releaseLease } from "../release-lease.ts";
import type { Ending, GatewayInfo } from "./gateway-connection.ts";
import type { FoundGateway } from "./gateway-info.ts";
import { CHANNEL } from "./target.ts";

/** Keeps one shard connected, in one of all replicas. */
export interface Owner {
  start(): void;
  /** Closes the connection, then lets another replica have the shard. */
  stop(): Promise<void>;
  /** This replica is the one that holds the shard, whether or not it is connected just now. */
  isOwner(): boolean;
  /** Why nothing comes in; undefined while nothing is known to be wrong. */
  fault(): string | undefined;
}

export interface OwnerTimings {
  /** Between two tries to get the lease. */
  readonly leaseMs: number;
  readonly firstRetryMs: number;
  /** Where a try costs no login: Discord is asked where its gateway is, or a session goes on. */
  readonly longestLookupMs: number;
  readonly longestRetryMs: number;
  /** A connection that lasted so long was a good one. */
  readonly goodMs: number;
  /** A connection that is being made again within this time worries nobody. */
  readonly toleratedMs: number;
}

// A dead owner's lease lasts 15 s, a released one is free at once.
export const OWNER_TIMINGS: OwnerTimings = {
  leaseMs: 1_500,
  firstRetryMs: 1_000,
  longestLookupMs: 5_000,
  longestRetryMs: 60_000,
  goodMs: 60_000,
  toleratedMs: 20_000,
};

export interface OwnerOptions {
  readonly shard: { readonly id: number; readonly count: number };
  readonly leases: Leases;
  /** How many shards this replica holds already: who has none comes first. */
  readonly held: () => number;
  readonly find: (signal: AbortSignal) => Promise<FoundGateway>;
  /** Connects, calls `up` when the session is there, and resolves when it is over. Never rejects. */
  readonly run: (connecting: {
    readonly info: GatewayInfo;
    readonly session: SessionInfo | undefined;
    readonly up: () => void;
    readonly signal: AbortSignal;
  }) => Promise<Ending>;
  /** Before the first connection of a lease. A rejection is tried again. */
  readonly prepare: () => Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
  readonly timings: OwnerTimings;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

/** A session that could not be taken up so often is given up: its address may be gone for good. */
const RESUMES = 5;

const STARTING = "connecting to Discord's gateway";

export const createOwner = (options: OwnerOptions): Owner => {
  const { shard, leases, find, run, prepare, random, timings, log, metrics } = options;
  const stopping = new AbortController();
  const about = { channel: CHANNEL, shard: shard.id };
  let lease: Lease | undefined;
  let running: Promise<void> = Promise.resolve();
  // Why it is not connected; undefined while it is, or another replica's business.
  let trouble: { readonly reason: string; readonly since: number } | undefined = {
    reason: STARTING,
    since: Number.NEGATIVE_INFINITY,
  };
  let isFatal = false;

  const spread = (ms: number): number => Math.round(ms * (0.75 + random() / 2));

  /** The first reason stays: its time is when things began to go wrong. */
  const note = (reason: string): void => {
    trouble = { reason, since: trouble?.since ?? performance.now() };
  };

  /** Until the lease is lost or trying again cannot help. */
  const own = async (held: Lease): Promise<void> => {
    let session: SessionInfo | undefined;
    let failures = 0;
    let resumes = 0;
    let unresumed = 0;
    let lookups = 0;
    let info: GatewayInfo | undefined;
    const over = AbortSignal.any([held.lost, stopping.signal]);
    while (!over.aborted) {
      // A session goes on where it was; only a new one needs to be allowed.
      if (!info || !session) {
        const found = await find(over);
        if (found.kind === "away") {
          note(found.reason);
          log.warn({ ...about, reason: found.reason }, "gateway not found; trying again");
          await pause(spread(backoff(lookups++, timings.longestLookupMs)), over);
          continue;
        }
        lookups = 0;
        info = found.info;
        if (info.remaining <= 0) {
          note("Discord allows no more logins for now; it says when (see the log)");
          log.error(
            { ...about, resetAfterMs: info.resetAfterMs, alert: "discord_logins_used_up" },
            "no more logins for now",
          );
          await pause(Math.max(timings.firstRetryMs, info.resetAfterMs), over);
          continue;
        }
      }
      let since = Number.POSITIVE_INFINITY;
      const up = (): void => {
        since = performance.now();
        trouble = undefined;
        metrics?.connectionChanged("up");
        log.info(about, "connected to the gateway");
      };
      // What does not answer at its own address may go on at the one where sessions begin.
      if (session && unresumed > 0) session = { ...session, resumeURL: info.url };
      const ending = await run({ info, session, up, signal: over });
      session = ending.session;
      if (since < Number.POSITIVE_INFINITY) metrics?.connectionChanged("down");
      if (over.aborted) return;
      note(ending.reason);
      if (ending.kind === "fatal") {
        isFatal = true;
        log.error(
          { ...about, reason: ending.reason, alert: "discord_refused" },
          "gateway given up",
        );
        return;
      }
      log.warn({ ...about, reason: ending.reason }, "gateway connection is over");
      if (performance.now() - since >= timings.goodMs) {
        failures = 0;
        resumes = 0;
      }
      unresumed = session && since === Number.POSITIVE_INFINITY ? unresumed + 1 : 0;
      if (unresumed >= RESUMES) session = undefined;
      // A session that ended shall not be followed by the next one at once.
      if (ending.kind === "invalid") await pause(spread(timings.firstRetryMs), over);
      // The first one comes back at once: that is how Discord moves connections about.
      const before = session ? resumes++ : failures++;
      const longestMs = session ? timings.longestLookupMs : timings.longestRetryMs;
      if (before > 0) await pause(spread(backoff(before - 1, longestMs)), over);
    }
  };

  const backoff = (failures: number, longest: number): number =>
    Math.min(longest, timings.firstRetryMs * 2 ** Math.min(failures, 20));

  const acquire = async (): Promise<Lease | undefined> => {
    try {
      const held = await leases.acquire(`shard/${shard.id}/${shard.count}`);
      if (!held) trouble = undefined;
      return held;
    } catch (err) {
      log.warn({ ...about, err }, "no lease for the shard; trying again");
      return undefined;
    }
  };

  const hold = async (held: Lease): Promise<void> => {
    lease = held;
    metrics?.connectionChanged("gained");
    note(STARTING);
    try {
      await prepare();
      await own(held);
    } catch (err) {
      note("the store cannot be read");
      log.warn({ ...about, err }, "shard not taken over; trying again");
    }
    lease = undefined;
    metrics?.connectionChanged(held.lost.aborted ? "lost" : "released");
    await releaseLease(held, log, about);
  };

  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted && !isFatal) {
      const held = await acquire();
      if (held) await hold(held);
      if (!isFatal) await pause(spread(timings.leaseMs * (1 + options.held())), stopping.signal);
    }
  };

  return {
    start: () => {
      running = loop().catch((err: unknown) => {
        isFatal = true;
        note("the connection was given up; restart");
        log.error({ ...about, err, alert: "discord_shard_ended" }, "shard given up");
      });
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    isOwner: () => lease !== undefined && !lease.lost.aborted,
    fault: () => {
      if (!trouble) return undefined;
      const isShort = performance.now() - trouble.since < timings.toleratedMs;
      return isShort && !isFatal ? undefined : trouble.reason;
    },
  };
};
