import type {
  InlineReply,
  Webhook,
  WebhookRequest,
  WebhookResponse,
} from "../../../core/contract/channel.ts";
import { PayloadError } from "../../../core/contract/errors.ts";
import type { Log } from "../../../core/contract/log.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { type ChannelMetrics, kindOf } from "../../../core/contract/metrics.ts";
import type { CorpCheck } from "../foreign-corp.ts";
import type { Intake } from "../intake.ts";
import { fromBody } from "../outgoing.ts";
import { CHANNEL, type WecomBot } from "../types.ts";
import { type Verified, verifyUrl } from "../verify.ts";
import { NO_RECEIVE_ID, sealAnswer, verifyBotCallback } from "./envelope.ts";
import { JsonError, readJson } from "./json.ts";
import { type BotCallback, parseBotCallback } from "./parse.ts";
import { type AnswerPoll, type Frame, streamAnswer } from "./polls.ts";
import { inMarkdown } from "./render.ts";
import { streamIdOf } from "./stream-id.ts";
import type { LeftPart, Stream, Streams } from "./streams.ts";

export interface BotWebhookOptions {
  readonly bot: WecomBot;
  readonly intake: Intake;
  readonly checkCorp: CorpCheck;
  readonly streams: Streams;
  readonly answerPoll: AnswerPoll;
  readonly now: () => Date;
  readonly log: Log;
  /** How long a message's response waits for a whole answer before it opens a stream. */
  readonly inlineMs: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

// A welcome and the new state of a clicked card can travel in the response only; the platform hangs
// up after 5 s. https://developer.work.weixin.qq.com/document/path/101031
const EVENT_INLINE_MS = 4_000;

/** The callback of one intelligent bot: its URL's verification, messages, events and polls. */
export const createBotWebhook = (options: BotWebhookOptions): Webhook => {
  const { bot, intake, checkCorp, streams, answerPoll, now, log, inlineMs, metrics } = options;
  let isCurrentPair: boolean | undefined;

  /** Tells an operator when the platform has begun to use the new pair everywhere: no more lines. */
  const notePair = (verified: Verified): void => {
    if (isCurrentPair === verified.isCurrentPair) return;
    isCurrentPair = verified.isCurrentPair;
    const keyPair = isCurrentPair ? "current" : "previous";
    const about = { corpId: bot.corp_id, botId: bot.id, keyPair };
    log.info(about, "callbacks of the bot come with this key pair now");
  };

  const read = (text: string, arrivedAt: Date): BotCallback | undefined => {
    try {
      return parseBotCallback(bot, readJson(text), arrivedAt);
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      metrics?.told("unread", "parse", "not_understood");
      const about = { corpId: bot.corp_id, botId: bot.id, reason: error.reason };
      log.error(
        { ...about, alert: "wecom_message_not_understood" },
        "genuine callback not understood; acknowledged, because repeating it cannot help",
      );
      return undefined;
    }
  };

  const handleMessage = async (
    callback: Extract<BotCallback, { kind: "message" }>,
    request: WebhookRequest,
    arrivedAt: Date,
  ): Promise<Frame | undefined | "not stored"> => {
    const { message } = callback;
    checkCorp(message);
    const id = streamIdOf(message.target);
    // First, so that whoever answers finds what can carry the answer.
    if (!(await open(id, callback, arrivedAt))) return "not stored";
    const receipt = await intake.accept(message);
    if (!receipt) return "not stored";
    const waitMs = waitMsOf(message, inlineMs);
    const reply =
      waitMs > 0
        ? await intake.waitForReply(receipt, message, request, arrivedAt, waitMs, (body) =>
            fitsResponse(message, body),
          )
        : undefined;
    if (!receipt.isNew) {
      const isInline = reply !== undefined;
      log.info({ messageId: message.id, isInline }, "delivered again by the platform");
    }
    const frame = reply && inlineFrame(message, id, reply);
    if (frame) return frame;
    reply?.settled(false);
    return message.content.kind === "event" ? undefined : answerPoll(id, feedbackIdOf(message));
  };

  const open = async (
    id: string,
    { message, responseUrl }: Extract<BotCallback, { kind: "message" }>,
    arrivedAt: Date,
  ): Promise<boolean> => {
    try {
      const startedAt = arrivedAt.getTime();
      const opened = { startedAt, content: "", ...(responseUrl && { responseUrl }) };
      if (message.content.kind === "event") {
        await streams.open(id, { ...opened, end: { how: "never" } });
        return true;
      }
      if (await streams.get(id)) return true;
      await streams.open(id, opened);
      // The rest of an earlier answer comes first, at once; this answer then has the response URL.
      const left = await streams.take(id);
      if (left) await streams.change(id, (stream) => withPart(stream, left, startedAt));
      return true;
    } catch (err) {
      metrics?.told(kindOf(message.content), "store", "failed");
      log.error({ err, messageId: message.id, alert: "message_not_stored" }, "stream not stored");
      return false;
    }
  };

  /** The whole answer in the response; undefined where it cannot be. */
  const inlineFrame = (
    message: InboundMessage,
    id: string,
    reply: InlineReply,
  ): Frame | undefined => {
    const { content, target } = message;
    const outgoing = fromBody(reply.body);
    if (outgoing.kind === "file" || !fitsResponse(message, reply.body)) return undefined;
    const settled = (isComplete: boolean): void => reply.settled(isComplete);
    if (content.kind === "event") {
      if (outgoing.kind === "card") {
        const card = { template_card: outgoing.card };
        return content.event.name === "card_clicked"
          ? { answer: { response_type: "update_template_card", ...card }, settled }
          : { answer: { msgtype: "template_card", ...card }, settled };
      }
      // A welcome has no markup.
      return { answer: { msgtype: "text", text: { content: outgoing.text } }, settled };
    }
    const shown = outgoing.kind === "card" ? "" : inMarkdown(outgoing);
    const card = outgoing.kind === "card" ? { card: outgoing.card } : {};
    const feedbackId = feedbackIdOf(message);
    const feedback = feedbackId === undefined ? {} : { feedbackId };
    return {
      answer: streamAnswer(id, shown, { ...card, ...feedback }),
      settled: (isComplete) => {
        reply.settled(isComplete);
        // Nothing is left for a poll that comes all the same but the end.
        if (isComplete) void end(id, shown, target.replyTo);
      },
    };
  };

  const end = async (id: string, content: string, messageId: string): Promise<void> => {
    try {
      await streams.change(id, (stream) =>
        stream.end
          ? undefined
          : {
              ...stream,
              content,
              end: { how: "part", partId: "", endedAt: now().getTime(), isShown: true },
            },
      );
    } catch (err) {
      log.warn({ err, messageId }, "end of a stream not recorded");
    }
  };

  const handleCallback = async (request: WebhookRequest): Promise<WebhookResponse> => {
    const arrivedAt = now();
    const verified = verifyBotCallback(bot, request.query, request.body, arrivedAt);
    const callback = read(verified.text, arrivedAt);
    notePair(verified);
    if (!callback) return EMPTY;
    if (callback.kind === "poll") metrics?.told("poll", "answer", "answered");
    const frame =
      callback.kind === "poll"
        ? await answerPoll(callback.streamId)
        : await handleMessage(callback, request, arrivedAt);
    if (frame === undefined) return EMPTY;
    if (frame === "not stored") return { status: 503 };
    return {
      status: 200,
      contentType: "application/json; charset=utf-8",
      body: sealAnswer(frame.answer, verified.pair, now()),
      settled: (isComplete) => frame.settled(isComplete),
    };
  };

  return async (request) => {
    if (request.method === "GET") {
      const verified = verifyUrl(bot, NO_RECEIVE_ID, request.query, now());
      log.info({ corpId: bot.corp_id, botId: bot.id }, "callback URL of the bot verified");
      return { status: 200, contentType: "text/plain; charset=utf-8", body: verified.text };
    }
    if (request.method === "POST") return handleCallback(request);
    throw new PayloadError(CHANNEL, "method", 405);
  };
};

/** Says in the audit log which message's answer was judged; the platform takes 256 bytes. */
const feedbackIdOf = ({ id }: InboundMessage): string | undefined =>
  id.length <= 256 ? id : undefined;

const withPart = (stream: Stream, left: LeftPart, endedAt: number): Stream | undefined => {
  const { partId, markdown, card } = left;
  const end = { partId, endedAt, isShown: false, ...(card && { card }) };
  return stream.end ? undefined : { ...stream, content: markdown, end: { how: "part", ...end } };
};

const EMPTY: WebhookResponse = { status: 200 };

/** A file never does; a click is answered with a card, who enters with words or a card. */
const fitsResponse = ({ content }: InboundMessage, body: string): boolean => {
  const { kind } = fromBody(body);
  if (kind === "file") return false;
  return content.kind !== "event" || content.event.name === "app_opened" || kind === "card";
};

/** Of the events, two can be answered at all: who enters is welcomed, a clicked card is changed. */
const waitMsOf = ({ content }: InboundMessage, inlineMs: number): number => {
  if (content.kind !== "event") return inlineMs;
  const { name } = content.event;
  return name === "app_opened" || name === "card_clicked" ? EVENT_INLINE_MS : 0;
};
