import type { InboundMessage } from "../contract/message.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import { laneOf } from "./lane.ts";

/** A new message as its row holds it. Before the transaction that stores it, never within one. */
export const inboxRow = async (
  cipher: ContentCipher,
  scope: TenantScope,
  message: InboundMessage,
  receivedAt: Date,
) => {
  const { channel, id: key } = message;
  const plain = Buffer.from(JSON.stringify(message));
  return {
    channel,
    key,
    lane: laneOf(message),
    tenantId: scope.tenantId,
    message: await cipher.seal(scope, messagePlace(channel, key), plain),
    receivedAt: receivedAt.getTime(),
  };
};

/** Where a sealed message belongs. */
export const messagePlace = (channel: string, key: string): string =>
  JSON.stringify(["inbox", channel, key, "message"]);
