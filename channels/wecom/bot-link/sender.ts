import type { OutboundPart, Reconciliation, SendOutcome } from "../../../core/contract/channel.ts";
import type { Log } from "../../../core/contract/log.ts";
import { streamAnswer } from "../bot/polls.ts";
import { inMarkdown } from "../bot/render.ts";
import { streamIdOf } from "../bot/stream-id.ts";
import { kindOfError } from "../errcodes.ts";
import { fromBody, type Outgoing } from "../outgoing.ts";
import type { Pace } from "../pace.ts";
import { CHANNEL } from "../types.ts";
import { chatKey, chatOf } from "./chat.ts";
import type { Request, Sent } from "./connection.ts";
import type { ReplyContext, ReplyContexts } from "./contexts.ts";
import type { Command } from "./frames.ts";
import { type Growing, STREAM_MS } from "./growing.ts";
import type { Upload } from "./upload.ts";

/** Sends parts by the connection that this process holds. */
export interface LinkSender {
  /** Rejects only where the store does. */
  send(part: OutboundPart, request: Request, signal: AbortSignal): Promise<SendOutcome>;
  /** What an acknowledgement that came late says of an earlier try. */
  reconcile(part: OutboundPart): Reconciliation;
}

export interface LinkSenderOptions {
  readonly botId: string;
  readonly contexts: ReplyContexts;
  readonly growing: Pick<Growing, "end">;
  readonly upload: Upload;
  readonly pace: Pace;
  readonly now: () => Date;
  readonly log: Log;
}

/** One frame, ready to go. */
interface Letter {
  readonly command: Command;
  readonly body: object;
  /** Of the callback that it answers; absent for what is said without being asked. */
  readonly reqId?: string;
}

const UNSENT_MS = 1_000;
const BUSY_MS = 5_000;
const LIMIT_PAUSE_MS = 60_000;
// Welcomes and changed cards are taken for 5 s after their event.
// https://developer.work.weixin.qq.com/document/path/101463
const AT_ONCE_MS = 4_500;
// The req_id is none that can be answered; the stream can no longer be changed.
const BAD_REQ_ID = 846605;
const STREAM_OVER = 846608;
// Some of the vendor's texts end streams after six minutes instead of ten: until then only a
// frame that finished it can have ended one.
const SURELY_OPEN_MS = 5.5 * 60_000;
const MEDIA_GONE = 40007;

export const createLinkSender = (options: LinkSenderOptions): LinkSender => {
  const { botId, contexts, growing, upload, pace, now, log } = options;
  // What is not known yet of tries that were not acknowledged in time, and what came out late, by part.
  const late = new Map<string, "waiting" | "arrived">();
  let pausedUntil = 0;

  const ageOf = (context: ReplyContext): number => now().getTime() - context.receivedAt;

  /** The stream that carries the part: the message's own for the first one. */
  const streamOf = async (part: OutboundPart, context: ReplyContext): Promise<string> => {
    const own = streamIdOf(part.target);
    const claimed = context.streamPart
      ? context
      : await contexts.change(part.target, { streamPart: part.id });
    return claimed?.streamPart === part.id ? own : `${own}.${part.id}`;
  };

  /** In answer to the message or event itself, where that is still possible. */
  const answerOf = async (
    outgoing: Exclude<Outgoing, { kind: "file" }>,
    part: OutboundPart,
    context: ReplyContext,
  ): Promise<Letter | undefined> => {
    const { reqId } = context;
    if (context.isSpent) return undefined;
    if (context.kind === "message" && outgoing.kind !== "card" && ageOf(context) < STREAM_MS) {
      // Said again under the same id, it replaces what was said: that makes trying again harmless.
      const body = streamAnswer(await streamOf(part, context), inMarkdown(outgoing), {});
      return { command: "aibot_respond_msg", reqId, body };
    }
    if (ageOf(context) >= AT_ONCE_MS) return undefined;
    if (context.kind === "entrance") {
      const body =
        outgoing.kind === "card"
          ? { msgtype: "template_card", template_card: outgoing.card }
          : { msgtype: "text", text: { content: outgoing.text } };
      return { command: "aibot_respond_welcome_msg", reqId, body };
    }
    if (context.kind === "click" && outgoing.kind === "card") {
      const body = { response_type: "update_template_card", template_card: outgoing.card };
      return { command: "aibot_respond_update_msg", reqId, body };
    }
    return undefined;
  };

  const outcomeOf = (sent: Sent, command: Command, part: OutboundPart): SendOutcome => {
    if (sent.kind === "unsent") return retry(UNSENT_MS, sent.reason);
    if (sent.kind === "lost") {
      note(part, sent.late);
      return { kind: "unknown", reason: sent.reason };
    }
    if (sent.errcode === 0) return { kind: "delivered" };
    const reason = `${command}: errcode ${sent.errcode}`;
    switch (kindOfError(sent.errcode)) {
      case "busy":
        return retry(BUSY_MS, reason);
      case "limit":
        pausedUntil = now().getTime() + LIMIT_PAUSE_MS;
        log.warn({ channel: CHANNEL, botId, reason }, "WeCom limits us");
        return retry(LIMIT_PAUSE_MS, reason);
      case "receiver":
        return { kind: "refused", reason };
      default:
        log.error(
          { channel: CHANNEL, botId, partId: part.id, reason, alert: "wecom_bot_refused" },
          "WeCom refuses what a bot sends; the errcode says what has to change",
        );
        return { kind: "refused", reason };
    }
  };

  const note = (part: OutboundPart, errcode: Promise<number | undefined>): void => {
    late.set(part.id, "waiting");
    void errcode.then((code) => {
      if (code !== 0) late.delete(part.id);
      else {
        late.set(part.id, "arrived");
        setTimeout(() => late.delete(part.id), LATE_KEPT_MS).unref();
      }
    });
  };

  const notYet = async (part: OutboundPart): Promise<SendOutcome | undefined> => {
    const pausedMs = pausedUntil - now().getTime();
    if (pausedMs > 0) return retry(pausedMs, "WeCom limits us");
    const waitMs = await pace.reserve(chatKey(part.target));
    return waitMs > 0 ? retry(waitMs, "as much as one chat may get for now") : undefined;
  };

  const push = async (
    outgoing: Outgoing,
    part: OutboundPart,
    request: Request,
    signal: AbortSignal,
    isFresh = false,
  ): Promise<SendOutcome> => {
    const content = await contentOf(outgoing, request, signal, isFresh);
    if (content.kind === "paced") {
      return retry(content.afterMs, "as many uploads as one bot may make for now");
    }
    if (content.kind === "failed") return outcomeOf(content.sent, "aibot_upload_media_init", part);
    const wait = await notYet(part);
    if (wait) return wait;
    const sent = await request("aibot_send_msg", { ...chatOf(part.target), ...content.body });
    const isGone = sent.kind === "acknowledged" && sent.errcode === MEDIA_GONE;
    return isGone && outgoing.kind === "file" && !isFresh
      ? push(outgoing, part, request, signal, true)
      : outcomeOf(sent, "aibot_send_msg", part);
  };

  const contentOf = async (
    outgoing: Outgoing,
    request: Request,
    signal: AbortSignal,
    isFresh: boolean,
  ) => {
    if (outgoing.kind === "card") {
      const body = { msgtype: "template_card", template_card: outgoing.card };
      return { kind: "ready", body } as const;
    }
    if (outgoing.kind !== "file") {
      const body = { msgtype: "markdown", markdown: { content: inMarkdown(outgoing) } };
      return { kind: "ready", body } as const;
    }
    const uploaded = await upload(outgoing, isFresh, request, signal);
    if (uploaded.kind !== "uploaded") return uploaded;
    const { type } = outgoing;
    const body = { msgtype: type, [type]: { media_id: uploaded.mediaId } };
    return { kind: "ready", body } as const;
  };

  return {
    send: async (part, request, signal) => {
      if (signal.aborted) return retry(0, "aborted before it was sent");
      const outgoing = fromBody(part.body);
      await growing.end(part.target);
      const context = await contexts.of(part.target);
      const answer =
        context && outgoing.kind !== "file" ? await answerOf(outgoing, part, context) : undefined;
      const isWelcome = context?.kind === "entrance";
      if (!answer && isWelcome) return TOO_LATE;
      if (!answer) return push(outgoing, part, request, signal);
      const wait = await notYet(part);
      if (wait) return wait;
      const sent = await request(answer.command, answer.body, answer.reqId);
      if (context && sent.kind === "acknowledged") {
        if (sent.errcode === STREAM_OVER && part.attempt > 1 && ageOf(context) < SURELY_OPEN_MS) {
          return { kind: "delivered" };
        }
        if (sent.errcode === STREAM_OVER || sent.errcode === BAD_REQ_ID) {
          await contexts.change(part.target, { isSpent: true });
          if (isWelcome) return TOO_LATE;
          return push(outgoing, part, request, signal);
        }
      }
      return outcomeOf(sent, answer.command, part);
    },

    reconcile: (part) => {
      switch (late.get(part.id)) {
        case "arrived":
          return { kind: "delivered" };
        case "waiting":
          return { kind: "retry", afterMs: BUSY_MS, reason: "its acknowledgement may still come" };
        case undefined:
          return { kind: "send" };
      }
    },
  };
};

// A bot may not speak first to whoever has not written to it, and nobody is welcomed afterwards.
const TOO_LATE: SendOutcome = {
  kind: "refused",
  reason: "a welcome can only be given within 5 s of the entrance",
};

const LATE_KEPT_MS = 60 * 60_000;

const retry = (afterMs: number, reason: string): SendOutcome => ({
  kind: "retry",
  afterMs,
  reason,
});
