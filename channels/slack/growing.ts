import type { Log } from "../../core/contract/log.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { type ApiOutcome, describe } from "./api-outcome.ts";
import { headOf, streamText } from "./head.ts";
import { textIn } from "./json.ts";
import { lookBack } from "./look-back.ts";
import { growingMetadata, isUnfinished } from "./metadata.ts";
import { toMrkdwn } from "./mrkdwn.ts";
import { keyOf, type OpenAnswer, type OpenAnswers } from "./open-answers.ts";
import { splitText } from "./split.ts";
import type { SlackTarget } from "./target.ts";
import { CHANNEL } from "./types.ts";

/** Calls a method in the workspace of a target, with its token and within its limits. */
export type CallFor = (target: SlackTarget, method: string, args: object) => Promise<ApiOutcome>;

/** Shows what there is of answers, each in one message that the whole answer takes over. */
export interface Growing {
  /** Replaces what was shown, about once a second. Never throws. */
  show(target: SlackTarget, markdown: string): void;
  /** Ends it: the message that the part has to become, if there is one. */
  take(target: SlackTarget, partId: string): Promise<Taken>;
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

export interface GrowingParts {
  readonly answers: OpenAnswers;
  /** No other process may be showing or sending the same answer. */
  readonly isAlone: boolean;
  readonly call: CallFor;
  /** Who we are in a workspace, `U…`. */
  readonly botUserId: (teamId: string) => Promise<string | undefined>;
  readonly now: () => Date;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

// An answer that is whole by then is not worth a second call.
const FIRST_MS = 700;
// Slack wants edits at most about once a second in a room.
const EVERY_MS = 1_000;
/** How long a process that begins a message may leave us without its time stamp. */
const BEGINNING_MS = 15_000;
/** How long a call that another process has just made takes at most, as a rule. */
const LAST_WRITE_MS = 1_500;
const ABANDONED_MS = 30 * 60_000;
const NO_STREAMS_FOR_MS = 60 * 60_000;
const LATER_MS = 1_000;
const MAX_TEXT = 4_000;

interface Session {
  readonly target: SlackTarget;
  readonly since: number;
  latest: string;
  shown: string;
  answer: OpenAnswer | undefined;
  isEnded: boolean;
  /** Settled while nothing is being written. */
  running: Promise<void>;
  isRunning: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** What came of one try to show more. */
interface Step {
  readonly waitMs: number;
  readonly isShown: boolean;
}

const SHOWN: Step = { waitMs: EVERY_MS, isShown: true };
const AT_ONCE: Step = { waitMs: 0, isShown: false };

export const createGrowing = (parts: GrowingParts): Growing => {
  const { answers, isAlone, call, botUserId, now, log } = parts;
  const sessions = new Map<string, Session>();
  // Workspaces that take no streams, and until when they are not asked again.
  const streamless = new Map<string, number>();

  const mayStream = ({ teamId, channelId, threadTs, userId }: SlackTarget): boolean =>
    threadTs !== undefined &&
    (userId !== undefined || channelId.startsWith("D")) &&
    (streamless.get(teamId) ?? 0) <= now().getTime();

  const begin = async (session: Session): Promise<Step> => {
    const { target } = session;
    const at = now().getTime();
    if (!session.answer) {
      if (!(await answers.begin(target, { at }))) return adopt(session);
      session.answer = { at };
    }
    const isStream = mayStream(target);
    const outcome = await (isStream ? startStream(session) : post(session));
    if (outcome.kind === "ok") {
      const ts = textIn(outcome.body, "ts");
      if (ts === undefined) return end(session);
      session.answer = { at, ts, ...(isStream && { isStream }) };
      await answers.put(target, session.answer);
      return SHOWN;
    }
    if (outcome.kind === "limited" || outcome.kind === "unreachable") return notShown(outcome);
    if (outcome.kind === "error" && isStream) {
      streamless.set(target.teamId, at + NO_STREAMS_FOR_MS);
      log.info(
        { channel: CHANNEL, teamId: target.teamId, reason: describe(outcome) },
        "no streams in this workspace; answers grow by edits for the next hour",
      );
      return AT_ONCE;
    }
    // It may be there: whoever sends the answer looks for it. Refused is certainly not there.
    if (outcome.kind === "error") {
      session.answer = undefined;
      await answers.forget(target);
    }
    return end(session);
  };

  /** Another process, or we before a restart, began it. */
  const adopt = async (session: Session): Promise<Step> => {
    const known = await answers.get(session.target);
    if (known?.ts === undefined || known.part !== undefined) return end(session);
    if (known.isStream) await stopStream(session.target, known.ts);
    session.answer = { at: known.at, ts: known.ts };
    return AT_ONCE;
  };

  const startStream = ({ target, latest }: Session): Promise<ApiOutcome> =>
    call(target, "chat.startStream", {
      channel: target.channelId,
      thread_ts: target.threadTs,
      ...(target.userId !== undefined && {
        recipient_user_id: target.userId,
        recipient_team_id: target.teamId,
      }),
      markdown_text: streamText(latest),
    });

  const post = ({ target, latest }: Session): Promise<ApiOutcome> =>
    call(target, "chat.postMessage", {
      channel: target.channelId,
      thread_ts: target.threadTs,
      text: editText(latest),
      parse: "none",
      unfurl_links: false,
      unfurl_media: false,
      metadata: growingMetadata(target.replyTo),
    });

  const stopStream = (target: SlackTarget, ts: string): Promise<ApiOutcome> =>
    call(target, "chat.stopStream", { channel: target.channelId, ts });

  const grow = async (session: Session, ts: string): Promise<Step> => {
    const { target, latest, shown, answer } = session;
    const channel = target.channelId;
    const known = isAlone ? undefined : await answers.get(target);
    if (known?.takenAt !== undefined || known?.part !== undefined) return end(session);
    if (answer?.isStream) {
      const [before, after] = [streamText(shown), streamText(latest)];
      if (after === before) return SHOWN;
      if (after.startsWith(before)) {
        const more = { channel, ts, markdown_text: after.slice(before.length) };
        const outcome = await call(target, "chat.appendStream", more);
        if (outcome.kind === "ok") return SHOWN;
        // What may have been appended must not come twice: the whole answer puts it right.
        if (outcome.kind === "lost") return end(session);
        if (outcome.kind !== "error") return notShown(outcome);
      }
      // What was said has changed, or the stream has ended by itself: it goes on by edits.
      await stopStream(target, ts);
      session.answer = { at: answer.at, ts };
      await answers.put(target, session.answer);
    }
    const text = editText(latest);
    if (text === editText(shown)) return SHOWN;
    const edit = { channel, ts, text, blocks: [], parse: "none" };
    const outcome = await call(target, "chat.update", edit);
    if (outcome.kind === "ok") return SHOWN;
    return outcome.kind === "error" ? end(session) : notShown(outcome);
  };

  const end = (session: Session): Step => {
    session.isEnded = true;
    return AT_ONCE;
  };

  const write = async (session: Session): Promise<void> => {
    const { latest } = session;
    const ts = session.answer?.ts;
    let step: Step;
    try {
      step = await (ts === undefined ? begin(session) : grow(session, ts));
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

    take: async (target, partId) => {
      if (target.responseUrl !== undefined || target.cardTs !== undefined) return { kind: "none" };
      const session = sessions.get(keyOf(target));
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

const notShown = (outcome: ApiOutcome): Step => ({
  waitMs: Math.max(EVERY_MS, outcome.kind === "limited" ? outcome.afterMs : 0),
  isShown: false,
});

const editText = (markdown: string): string =>
  splitText(toMrkdwn(headOf(markdown)), MAX_TEXT)[0] ?? "";
