import { createHash } from "node:crypto";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { InboundMessage, ReplyTarget } from "../../../core/contract/message.ts";

/** What the platform has to be told when a message is answered. As it is stored. */
export interface ReplyContext {
  readonly reqId: string;
  readonly kind: "message" | "entrance" | "click" | "event";
  /** In ms since 1970. */
  readonly receivedAt: number;
  /** The part of the answer that ends the message's own stream; every other has a stream of its own. */
  readonly streamPart?: string;
  /** The platform takes no more replies by `reqId`. */
  readonly isSpent?: true;
}

/** The contexts of one bot's messages, for every replica. Methods reject when the store is away. */
export interface ReplyContexts {
  /** Of a message that is delivered again, the first one is kept. */
  remember(message: InboundMessage, reqId: string, at: Date): Promise<void>;
  of(target: ReplyTarget): Promise<ReplyContext | undefined>;
  /** As it is after the change. */
  change(target: ReplyTarget, change: Partial<ReplyContext>): Promise<ReplyContext | undefined>;
}

/** Longer than any reply can quote it: a stream lives ten minutes at most. */
const KEPT_MS = 15 * 60_000;

export const createReplyContexts = (state: ChannelState, botId: string): ReplyContexts => {
  const keyOf = ({ replyTo }: ReplyTarget): string =>
    `bot-link/${botId}/reply/${createHash("sha256").update(replyTo).digest("base64url")}`;
  const find = async (target: ReplyTarget) => {
    const found = await state.get(keyOf(target));
    return found && { ...found, context: JSON.parse(found.value) as ReplyContext };
  };
  return {
    remember: async (message, reqId, at) => {
      const context: ReplyContext = { reqId, kind: kindOf(message), receivedAt: at.getTime() };
      await state.putIfAbsent(keyOf(message.target), JSON.stringify(context), KEPT_MS);
    },
    of: async (target) => (await find(target))?.context,
    change: async (target, change) => {
      for (;;) {
        const found = await find(target);
        if (!found) return undefined;
        const changed = { ...found.context, ...change };
        const value = JSON.stringify(changed);
        if (await state.replace(keyOf(target), found.version, value, KEPT_MS)) return changed;
      }
    },
  };
};

const kindOf = ({ content }: InboundMessage): ReplyContext["kind"] => {
  if (content.kind !== "event") return "message";
  if (content.event.name === "app_opened") return "entrance";
  return content.event.name === "card_clicked" ? "click" : "event";
};
