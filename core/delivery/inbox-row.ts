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
  return {
    channel: message.channel,
    key: message.id,
    lane: laneOf(message),
    tenantId: scope.tenantId,
    message: await sealMessage(cipher, scope, message),
    receivedAt: receivedAt.getTime(),
  };
};

/** A message for its row and its tenant, and for no other. */
export const sealMessage = (
  cipher: ContentCipher,
  scope: TenantScope,
  message: InboundMessage,
): Promise<Buffer> =>
  cipher.seal(
    scope,
    messagePlace(message.channel, message.id),
    Buffer.from(JSON.stringify(message)),
  );

/** What `sealMessage` sealed. Throws SealError when it is not that: erased, or changed in the store. */
export const openMessage = (
  cipher: ContentCipher,
  scope: TenantScope,
  row: { readonly channel: string; readonly key: string; readonly message: Uint8Array },
): Promise<InboundMessage> =>
  cipher.open(scope, messagePlace(row.channel, row.key), row.message).then(asMessage);

/** JSON has no instants. */
const asMessage = (plain: Buffer): InboundMessage => {
  const message = JSON.parse(plain.toString("utf8")) as InboundMessage;
  return { ...message, sentAt: new Date(message.sentAt) };
};

/** Where a sealed message belongs. */
export const messagePlace = (channel: string, key: string): string =>
  JSON.stringify(["inbox", channel, key, "message"]);
