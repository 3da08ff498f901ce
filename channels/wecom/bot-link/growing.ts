import type { Log } from "../../../core/contract/log.ts";
import type { ReplyTarget } from "../../../core/contract/message.ts";
import type { ChannelMetrics } from "../../../core/contract/metrics.ts";
import { streamAnswer } from "../bot/polls.ts";
import { headOf } from "../bot/render.ts";
import { streamIdOf } from "../bot/stream-id.ts";
import { CONTINUES, STOPPED } from "../bot/words.ts";
import { CHANNEL } from "../types.ts";
import type { Sent } from "./connection.ts";
import type { ReplyContexts } from "./contexts.ts";

/** Shows what there is of answers before they are whole, by the connection that brought the message. */
export interface Growing {
  /** From now on the answer can be shown as it grows. */
  open(target: ReplyTarget, reqId: string): void;
  /** Replaces what was shown; only the latest is sent when it comes faster than it may. */
  show(target: ReplyTarget, markdown: string): void;
  /** Nothing of it is sent any more once this resolves. */
  end(target: ReplyTarget): Promise<void>;
  /** Ends what was shown: there is no answer. */
  silence(target: ReplyTarget): void;
  stop(): void;
}

export interface GrowingOptions {
  readonly contexts: Pick<ReplyContexts, "change">;
  /** One frame of a reply; waits for its acknowledgement. */
  readonly respond: (target: ReplyTarget, reqId: string, answer: object) => Promise<Sent>;
  /** Whether the chat may get one more message now; if so, it is counted. */
  readonly mayShow: (target: ReplyTarget) => Promise<boolean>;
  readonly now: () => Date;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

interface Reply {
  readonly target: ReplyTarget;
  readonly reqId: string;
  readonly openedAt: number;
  /** What is to be sent next; undefined while there is nothing new. */
  latest: string | undefined;
  shown: string | undefined;
  readonly timers: Set<NodeJS.Timeout>;
  /** Settles when no frame is on its way; never rejects. */
  work: Promise<void>;
  /** A frame is on its way, or was so shortly before that the next one has to wait. */
  isResting: boolean;
  isOver: boolean;
  isStopped: boolean;
}

/**
 * A stream has to be finished within ten minutes of its first frame.
 * @see https://developer.work.weixin.qq.com/document/path/101463
 */
export const STREAM_MS = 9.5 * 60_000;
// All frames and messages of a chat share 30 a minute. The older a stream, the rarer its frames.
const EVERY_MS = 2_000;
const EVERY_SHARE_OF_AGE = 0.2;
/** Whoever waits longer is shown that there is somebody at work. */
const WAITING_AFTER_MS = 3_000;
// Clients show it as an animation.
const WAITING = "<think></think>";

export const createGrowing = (options: GrowingOptions): Growing => {
  const { contexts, respond, mayShow, now, log, metrics } = options;
  const replies = new Map<string, Reply>();

  const later = (reply: Reply, ms: number, what: () => void): void => {
    const timer = setTimeout(() => {
      reply.timers.delete(timer);
      what();
    }, ms);
    timer.unref();
    reply.timers.add(timer);
  };

  const frame = (reply: Reply, content: string, isFinished: boolean): Promise<Sent> => {
    const id = streamIdOf(reply.target);
    const isFirst = reply.shown === undefined;
    const feedback = isFirst ? { feedbackId: id } : {};
    return respond(
      reply.target,
      reply.reqId,
      streamAnswer(id, content, { isFinished, ...feedback }),
    );
  };

  const send = async (reply: Reply, markdown: string): Promise<void> => {
    const content = markdown === WAITING ? WAITING : headOf(markdown);
    if (content === reply.shown) return;
    if (reply.isOver || !(await mayShow(reply.target)) || reply.isOver) return;
    const sent = await frame(reply, content, false);
    if (sent.kind !== "unsent") reply.shown = content;
    if (sent.kind === "acknowledged" && sent.errcode !== 0) {
      const fields = { channel: CHANNEL, errcode: sent.errcode };
      log.warn(fields, "growing answer not shown; it will come as a whole");
      reply.isOver = true;
    }
  };

  const queue = (reply: Reply, piece: () => Promise<void>): Promise<void> => {
    reply.work = reply.work.then(piece).catch((err: unknown) => {
      log.warn({ channel: CHANNEL, err }, "growing answer not shown");
    });
    return reply.work;
  };

  const pump = async (reply: Reply): Promise<void> => {
    const { latest } = reply;
    if (latest === undefined || reply.isResting || reply.isOver) return;
    reply.latest = undefined;
    reply.isResting = true;
    await queue(reply, () => send(reply, latest));
    if (reply.isOver) return;
    const ageMs = now().getTime() - reply.openedAt;
    later(reply, Math.max(EVERY_MS, ageMs * EVERY_SHARE_OF_AGE), () => {
      reply.isResting = false;
      void pump(reply);
    });
  };

  const show = (reply: Reply, markdown: string): void => {
    if (reply.isOver) return;
    reply.latest = markdown;
    void pump(reply);
  };

  const stopGrowing = (reply: Reply): void => {
    if (!reply.isStopped && reply.shown !== undefined) {
      metrics?.streamEnded(now().getTime() - reply.openedAt);
    }
    reply.isStopped = true;
    reply.isOver = true;
    for (const timer of reply.timers) clearTimeout(timer);
    reply.timers.clear();
  };

  /** The last frame of a stream that brings no answer. */
  const close = (reply: Reply, words: string): void => {
    stopGrowing(reply);
    void queue(reply, async () => {
      if (reply.shown !== undefined) {
        // First, so that an answer that comes after it goes another way.
        await contexts.change(reply.target, { isSpent: true });
        const shown = reply.shown === WAITING ? "" : `${reply.shown}\n\n`;
        // The chat's pace is not asked: without an end the person would wait for ever.
        await frame(reply, `${shown}${words}`, true);
      }
    }).then(() => replies.delete(reply.target.replyTo));
  };

  return {
    open: (target, reqId) => {
      if (replies.has(target.replyTo)) return;
      const reply: Reply = {
        target,
        reqId,
        openedAt: now().getTime(),
        latest: undefined,
        shown: undefined,
        timers: new Set<NodeJS.Timeout>(),
        work: Promise.resolve(),
        isResting: false,
        isOver: false,
        isStopped: false,
      };
      replies.set(target.replyTo, reply);
      later(reply, WAITING_AFTER_MS, () => {
        if (reply.shown === undefined && reply.latest === undefined) show(reply, WAITING);
      });
      later(reply, STREAM_MS, () => close(reply, CONTINUES));
    },
    show: (target, markdown) => {
      const reply = replies.get(target.replyTo);
      if (reply) show(reply, markdown);
    },
    end: async (target) => {
      const reply = replies.get(target.replyTo);
      if (!reply) return;
      stopGrowing(reply);
      await reply.work;
      replies.delete(target.replyTo);
    },
    silence: (target) => {
      const reply = replies.get(target.replyTo);
      if (reply) close(reply, STOPPED);
    },
    stop: () => {
      for (const reply of replies.values()) stopGrowing(reply);
      replies.clear();
    },
  };
};
