import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import {
  createGrowingWrite,
  EVERY_MS,
  type GrowingWriteParts,
  type Growth,
  type Step,
} from "./growing-write.ts";
import { lookBack } from "./look-back.ts";
import { isUnfinished } from "./metadata.ts";
import { keyOf, type OpenAnswer } from "./open-answers.ts";
import type { SlackTarget } from "./target.ts";
import { CHANNEL } from "./types.ts";

/** Shows what there is of answers, each in one message that the whole answer takes over. */
export interface Growing {
  /** Replaces what was shown, about once a second. Never throws. */
  show(target: SlackTarget, markdown: string): void;
  /** Ends it: the message that the part has to become, if there is one. */
  take(target: SlackTarget, partId: string): Taken | Promise<Taken>;
  /** It has become this part. */
  settle(target: SlackTarget, ts: string, partId: string): Promise<void>;
  /** The message is gone. */
  forget(target: SlackTarget): Promise<void>;
  stop(): void;
}

export type Taken =
  | { readonly kind: "none" }
  | { readonly kind: "message"; readonly ts: string; readonly isStream: boolean }
  | { readonly kind: "later"; readonly afterMs: number; readonly reason: string };

export interface GrowingParts extends GrowingWriteParts {
  /** Who we are in a workspace, `U…`. */
  readonly botUserId: (teamId: string) => Promise<string | undefined>;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

// An answer that is whole by then is not worth a second call.
const FIRST_MS = 700;
/** How long a process that begins a message may leave us without its time stamp. */
const BEGINNING_MS = 15_000;
/** How long a call that another process has just made takes at most, as a rule. */
const LAST_WRITE_MS = 1_500;
const ABANDONED_MS = 30 * 60_000;
const LATER_MS = 1_000;

const NONE: Taken = { kind: "none" };

interface Session extends Growth {
  readonly since: number;
  /** Settled while nothing is being written. */
  running: Promise<void>;
  isRunning: boolean;
  timer: NodeJS.Timeout | undefined;
}

export const createGrowing = (parts: GrowingParts): Growing => {
  const { answers, isAlone, call, botUserId, now, log } = parts;
  const sessions = new Map<string, Session>();
  const writeOnce = createGrowingWrite(parts);

  const write = async (session: Session): Promise<void> => {
    const { latest } = session;
    let step: Step;
    try {
      step = await writeOnce(session);
    } catch (err) {
      log.warn({ channel: CHANNEL, err }, "growing answer not shown");
      step = { waitMs: EVERY_MS, isShown: false };
    }
    if (step.isShown) session.shown = latest;
    session.isRunning = false;
    if (!session.isEnded) schedule(session, step.waitMs);
  };

  const schedule = (session: Session, waitMs: number): void => {
    session.timer = setTimeout(() => {
      session.timer = undefined;
      if (session.latest === session.shown) return;
      session.isRunning = true;
      session.running = write(session);
    }, waitMs);
    session.timer.unref();
  };

  const sweep = (): void => {
    for (const [key, session] of sessions) {
      if (now().getTime() - session.since < ABANDONED_MS) return;
      clearTimeout(session.timer);
      session.isEnded = true;
      sessions.delete(key);
    }
  };

  const messageOf = ({ ts, isStream = false }: OpenAnswer): Taken =>
    ts === undefined ? { kind: "none" } : { kind: "message", ts, isStream };

  /** It was begun, and nobody knows whether Slack took it. */
  const lookFor = async (target: SlackTarget): Promise<Taken> => {
    const isIt = isUnfinished(target.replyTo, await botUserId(target.teamId));
    const found = await lookBack(target, isIt, (method, args) => call(target, method, args));
    if (found.kind === "later") return found;
    if (found.kind === "found") return { kind: "message", ts: found.ts, isStream: true };
    await answers.forget(target);
    return { kind: "none" };
  };

  /** What another process may just be writing must have arrived before it becomes the answer. */
  const takeFromOther = async (target: SlackTarget, known: OpenAnswer): Promise<Taken> => {
    const time = now().getTime();
    const { takenAt = time } = known;
    if (known.takenAt === undefined) await answers.put(target, { ...known, takenAt });
    const afterMs = takenAt + LAST_WRITE_MS - time;
    return afterMs > 0
      ? { kind: "later", afterMs, reason: "another process may still be showing it" }
      : messageOf(known);
  };

  /** As far as anything of it was begun, by us or by another process. */
  const takeBegun = async (
    target: SlackTarget,
    partId: string,
    session: Session | undefined,
  ): Promise<Taken> => {
    if (session) {
      session.isEnded = true;
      clearTimeout(session.timer);
      await session.running;
      sessions.delete(keyOf(target));
      if (session.answer) parts.metrics?.streamEnded(now().getTime() - session.since);
      if (session.answer?.ts !== undefined) return messageOf(session.answer);
      if (session.answer) return lookFor(target);
    }
    const known = await answers.get(target);
    if (!known) return { kind: "none" };
    if (known.part !== undefined && known.part !== partId) return { kind: "none" };
    if (known.ts !== undefined) {
      const isOthers = !session && !isAlone && known.part === undefined;
      return isOthers ? takeFromOther(target, known) : messageOf(known);
    }
    if (!session && now().getTime() - known.at < BEGINNING_MS) {
      return { kind: "later", afterMs: LATER_MS, reason: "the answer's message is being begun" };
    }
    return lookFor(target);
  };

  return {
    show: (target, markdown) => {
      // What goes by a response URL, or in place of a card, cannot grow.
      if (target.responseUrl !== undefined || target.cardTs !== undefined) return;
      if (markdown.trim() === "") return;
      const known = sessions.get(keyOf(target));
      if (known) {
        known.latest = markdown;
        if (!known.isEnded && !known.timer && !known.isRunning) schedule(known, EVERY_MS);
        return;
      }
      sweep();
      const session: Session = {
        target,
        since: now().getTime(),
        latest: markdown,
        shown: "",
        answer: undefined,
        isEnded: false,
        running: Promise.resolve(),
        isRunning: false,
        timer: undefined,
      };
      sessions.set(keyOf(target), session);
      schedule(session, FIRST_MS);
    },

    take: (target, partId) => {
      if (target.responseUrl !== undefined || target.cardTs !== undefined) return NONE;
      const key = keyOf(target);
      const session = sessions.get(key);
      return session || !answers.hasNone(key) ? takeBegun(target, partId, session) : NONE;
    },

    settle: (target, ts, part) => answers.put(target, { at: now().getTime(), ts, part }),
    forget: (target) => answers.forget(target),

    stop: () => {
      for (const session of sessions.values()) {
        clearTimeout(session.timer);
        session.isEnded = true;
      }
    },
  };
};
