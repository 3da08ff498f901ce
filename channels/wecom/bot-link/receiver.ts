import type { Receipt } from "../../../core/contract/channel.ts";
import { SignatureError } from "../../../core/contract/errors.ts";
import type { Log } from "../../../core/contract/log.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { type ChannelMetrics, kindOf } from "../../../core/contract/metrics.ts";
import { createInTurn } from "../../in-turn.ts";
import { pause } from "../../pause.ts";
import { JsonError } from "../bot/json.ts";
import { type BotIdentity, parseBotCallback } from "../bot/parse.ts";
import type { CorpCheck } from "../foreign-corp.ts";
import { CHANNEL } from "../types.ts";
import type { ReplyContexts } from "./contexts.ts";
import type { LinkFrame } from "./frames.ts";

type Callback = Extract<LinkFrame, { readonly kind: "callback" }>;

export interface ReceiverOptions {
  readonly bot: BotIdentity;
  readonly checkCorp: CorpCheck;
  readonly contexts: Pick<ReplyContexts, "remember">;
  /** Rejects when the message was not stored. */
  readonly store: (message: InboundMessage) => Promise<Receipt>;
  /** Told of every new message that is stored. */
  readonly stored: (message: InboundMessage, reqId: string) => void;
  /** Told of a message that could not be stored. */
  readonly lost: (message: InboundMessage, reqId: string) => void;
  readonly now: () => Date;
  readonly log: Log;
  readonly metrics: ChannelMetrics;
  readonly signal: AbortSignal;
}

// The platform delivers once, so what the store does not take now is held here for a while.
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8_000;
const HELD_MS = 60_000;
/** More than this many are not held: memory is for those who can be answered. */
const MAX_HELD = 1_000;

/** Takes callbacks in: each conversation's in the order in which they came. Never throws. */
export const createReceiver = (options: ReceiverOptions): ((callback: Callback) => void) => {
  const { bot, checkCorp, contexts, store, stored, lost, now, log, metrics, signal } = options;
  const inTurn = createInTurn();
  const about = { channel: CHANNEL, botId: bot.id };
  let held = 0;

  const tryOnce = async (message: InboundMessage, reqId: string): Promise<Receipt | undefined> => {
    try {
      // Before the message: its answer may come at once.
      await contexts.remember(message, reqId, now());
      return await store(message);
    } catch (err) {
      log.warn(
        { ...about, err, messageId: message.id },
        "message not stored yet; held for a minute",
      );
      return undefined;
    }
  };

  const hold = async (message: InboundMessage, reqId: string): Promise<void> => {
    const until = now().getTime() + HELD_MS;
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(LONGEST_RETRY_MS, waitMs * 2)) {
      const receipt = await tryOnce(message, reqId);
      if (receipt) {
        if (receipt.isNew) stored(message, reqId);
        return;
      }
      if (signal.aborted || now().getTime() + waitMs > until) break;
      await pause(waitMs, signal);
    }
    const fields = { ...about, messageId: message.id, alert: "message_lost" };
    log.error(fields, "message could not be stored and the platform delivers it once only");
    metrics.told(kindOf(message.content), "store", "failed");
    lost(message, reqId);
  };

  return ({ command, reqId, body }) => {
    if (command !== "aibot_msg_callback" && command !== "aibot_event_callback") {
      log.info({ ...about, command }, "unknown command ignored");
      return;
    }
    let message: InboundMessage;
    try {
      const callback = parseBotCallback(bot, body, now());
      if (callback.kind !== "message") return;
      message = callback.message;
      checkCorp(message);
    } catch (error) {
      if (!(error instanceof JsonError || error instanceof SignatureError)) throw error;
      const fields = { ...about, reason: error.reason, alert: "wecom_message_not_understood" };
      log.error(fields, "callback of the long connection not understood");
      metrics.told("unread", "parse", "not_understood");
      return;
    }
    if (held >= MAX_HELD) {
      const fields = { ...about, messageId: message.id, alert: "message_lost" };
      log.error(fields, "too many messages wait to be stored");
      metrics.told(kindOf(message.content), "gate", "failed");
      lost(message, reqId);
      return;
    }
    held += 1;
    void inTurn
      .run(message.conversation.id, () => hold(message, reqId))
      .catch((err: unknown) => log.error({ ...about, err }, "message not handled"))
      .finally(() => {
        held -= 1;
      });
  };
};
