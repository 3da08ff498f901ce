import type { OutboundPart, SendOutcome, Webhook } from "../../../core/contract/channel.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { Log } from "../../../core/contract/log.ts";
import type { ReplyTarget } from "../../../core/contract/message.ts";
import type { ChannelMetrics } from "../../../core/contract/metrics.ts";
import type { Fetch } from "../api.ts";
import type { CorpCheck } from "../foreign-corp.ts";
import type { Intake } from "../intake.ts";
import { CHANNEL, type WecomBot } from "../types.ts";
import { createGrowing } from "./growing.ts";
import { openBotMedia } from "./media.ts";
import { createAnswerPoll } from "./polls.ts";
import { createPostResponse } from "./response-url.ts";
import { createBotSender, type Detour } from "./sender.ts";
import { streamIdOf } from "./stream-id.ts";
import { createStreams } from "./streams.ts";
import { createBotWebhook } from "./webhook.ts";

/** One intelligent bot with a webhook. */
export interface WecomBotLink {
  readonly webhook: Webhook;
  /** Never throws but where the store does. */
  send(part: OutboundPart, signal: AbortSignal): Promise<SendOutcome>;
  /** Shows what there is of an answer. Never throws. */
  progress(target: ReplyTarget, markdown: string): void;
  /** Ends the stream of a message that gets no answer. Never throws. */
  silent(target: ReplyTarget): void;
  /** Throws AttachmentError. */
  openAttachment(ref: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  stop(): void;
}

export interface WecomBotOptions {
  readonly bot: WecomBot;
  readonly intake: Intake;
  readonly checkCorp: CorpCheck;
  readonly state: ChannelState;
  readonly fetch: Fetch;
  readonly now: () => Date;
  readonly log: Log;
  readonly detour: Detour;
  /** Longest that one call of the platform may take. */
  readonly timeoutMs: number;
  readonly inlineMs: number;
  /** How long a finished stream waits for a poll. */
  readonly silenceMs: number;
  readonly metrics: ChannelMetrics;
}

export const createWecomBot = (options: WecomBotOptions): WecomBotLink => {
  const { bot, state, fetch, now, log, timeoutMs } = options;
  const streams = createStreams(bot.id, state, now, options.metrics);
  const sender = createBotSender({ ...options, streams, post: createPostResponse(options) });
  const answerPoll = createAnswerPoll(streams, now, log);
  const growing = createGrowing(streams, now, log);
  const media = {
    fetch,
    apiBaseUrl: bot.api_base_url,
    fileHosts: bot.file_hosts,
    timeoutMs,
    log,
    botId: bot.id,
    keys: [bot, ...bot.previous].map((pair) => pair.encoding_aes_key),
  };
  return {
    webhook: createBotWebhook({ ...options, streams, answerPoll }),
    send: sender.send,
    progress: (target, markdown) => growing.show(streamIdOf(target), markdown),
    silent: (target) => {
      streams
        .change(streamIdOf(target), (stream) =>
          stream.end ? undefined : { ...stream, end: { how: "silence" } },
        )
        .catch((err) => log.warn({ channel: CHANNEL, err }, "stream without an answer not ended"));
    },
    openAttachment: (ref, signal) => openBotMedia(ref, media, signal),
    stop: growing.stop,
  };
};
