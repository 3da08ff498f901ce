import type { Log } from "../../core/contract/log.ts";
import type { InTurn } from "../in-turn.ts";
import { pause } from "../pause.ts";
import { catchUp } from "./catch-up.ts";
import type { Conversations, Known } from "./conversations.ts";
import { type Payload, timeOf } from "./payload.ts";
import { createReadQueue, type Rank } from "./read-queue.ts";
import type { Rest } from "./rest.ts";
import { CHANNEL } from "./target.ts";

/** The rooms in which something may be missing: they are read from Discord until nothing is. */
export interface Behind {
  /** Reads a room from its last position on, before what is said in it from now on is taken. */
  read(channelId: string, rank: Rank): void;
  /** Somebody waits for a room: if it has to be read, it is the next one. */
  hasten(channelId: string): void;
  /** Something in a room could not be taken: it is read again, a little later, from before it on. */
  fallTo(known: Known): void;
}

export interface BehindTimings {
  readonly firstCatchUpMs: number;
  readonly longestCatchUpMs: number;
}

export interface BehindOptions {
  readonly rest: Rest;
  readonly conversations: Conversations;
  /** By room: what is said live waits there, too. */
  readonly inTurn: InTurn;
  /** Rejects when a message cannot be taken for now. */
  readonly take: (message: Payload, guildId: string | undefined) => Promise<void>;
  readonly track: (work: Promise<unknown>) => void;
  readonly timings: BehindTimings;
  readonly now: () => Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Rooms that are read at once; the rest of what Discord allows is for answers. */
const CATCH_UPS = 4;
const A_DAY_MS = 24 * 60 * 60_000;

export const createBehind = (options: BehindOptions): Behind => {
  const { rest, conversations, inTurn, take, track, timings, now, log, signal } = options;
  const about = { channel: CHANNEL };
  const queue = createReadQueue(CATCH_UPS);
  // By room that is behind: whether it must be read once more after the reading that is under way.
  const behind = new Map<string, { again: boolean }>();

  /** Reads what a room is behind until it is not; the first time after `waitMs`. */
  const readAgain = (channelId: string, rank: Rank, waitMs: number): void => {
    conversations.pin(channelId);
    const known = behind.get(channelId);
    if (known) {
      known.again = true;
      return;
    }
    const state = { again: false };
    behind.set(channelId, state);
    // The first time at once, so that what comes now waits behind what was missed.
    const first = waitMs === 0 ? inTurn.run(channelId, () => readRoom(channelId, rank)) : undefined;
    track(readUntilDone(channelId, state, first, waitMs));
  };

  const readUntilDone = async (
    channelId: string,
    state: { again: boolean },
    first: Promise<boolean> | undefined,
    firstWaitMs: number,
  ): Promise<void> => {
    let isDone = (await first) ?? false;
    let waitMs = firstWaitMs || timings.firstCatchUpMs;
    while ((!isDone || state.again) && !signal.aborted) {
      if (!isDone) await pause(waitMs, signal);
      if (signal.aborted) break;
      state.again = false;
      isDone = await inTurn.run(channelId, () => readRoom(channelId, "possible"));
      waitMs = Math.min(timings.longestCatchUpMs, waitMs * 2);
    }
    behind.delete(channelId);
  };

  const readRoom = async (channelId: string, rank: Rank): Promise<boolean> => {
    const known = conversations.get(channelId);
    if (!known) return true;
    try {
      const read = await queue.run(channelId, rank, () =>
        catchUp({
          rest,
          channelId,
          after: known.last,
          signal,
          take: (message) => take(message, known.guildId),
        }),
      );
      if (read.kind !== "later") {
        conversations.release(channelId, read.last);
        // A thread that an answer is to begin is not there yet, and soon will be.
        const isOld = now().getTime() - timeOf(read.last).getTime() > A_DAY_MS;
        if (read.kind === "gone" && isOld) await conversations.forget(channelId);
        return true;
      }
      if (!signal.aborted)
        log.warn({ ...about, reason: read.reason }, "room not read; trying again");
    } catch (err) {
      log.warn({ ...about, err, room: channelId }, "missed message not taken in; trying again");
    }
    return false;
  };

  return {
    read: (channelId, rank) => readAgain(channelId, rank, 0),
    hasten: queue.hasten,
    fallTo: (known) => {
      conversations.hold(known);
      readAgain(known.channelId, "certain", timings.firstCatchUpMs);
    },
  };
};
