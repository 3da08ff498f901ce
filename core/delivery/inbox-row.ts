import type { InboundMessage } from "../contract/message.ts";
import type { ContentCipher, TenantCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import { laneOf } from "./lane.ts";

/** A new message as its row holds it. */
export const inboxRow = (own: TenantCipher, message: InboundMessage, receivedAt: Date) => ({
  channel: message.channel,
  key: message.id,
  lane: laneOf(message),
  tenantId: own.scope.tenantId,
  message: sealMessage(own, message),
  receivedAt: receivedAt.getTime(),
});

/** A message for its row and its tenant, and for no other. */
export const sealMessage = (own: TenantCipher, message: InboundMessage): Buffer => {
  // As a number: to write an instant as text takes as long as the rest of a short message.
  const sentAt = message.sentAt.getTime();
  const plain = JSON.stringify(Object.assign({}, message, { sentAt }));
  return own.seal(messagePlace(message.channel, message.id), plain);
};

/** What `sealMessage` sealed. Throws SealError when it is not that: erased, or changed in the store. */
export const openMessage = (
  cipher: ContentCipher,
  scope: TenantScope,
  row: { readonly channel: string; readonly key: string; readonly message: Uint8Array },
): Promise<InboundMessage> =>
  cipher.open(scope, messagePlace(row.channel, row.key), row.message).then(asMessage);

/** JSON has no instants; earlier versions wrote them as text. */
const asMessage = (plain: Buffer): InboundMessage => {
  const message = JSON.parse(plain.toString("utf8")) as InboundMessage;
  return { ...message, sentAt: new Date(message.sentAt) };
};

/** Where a sealed message belongs. */
const messagePlace = (channel: string, key: string): string =>
  JSON.stringify(["inbox", channel, key, "message"]);
