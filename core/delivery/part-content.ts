import type { OutboundPart } from "../contract/channel.ts";
import type { ContentCipher, TenantCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { InboxEntry } from "./inbox.ts";

/** What is sealed of a part. */
export type PartContent = Pick<OutboundPart, "target" | "body">;

/** What of a reply's body is sealed, and sent. */
export const contentOf = ({ message: { target } }: InboxEntry, body: string): PartContent => ({
  target,
  // What is no text cannot be sent as UTF-8; everything else of it can.
  body: body.toWellFormed(),
});

/** The parts of a reply as their rows hold them, by position. */
export const sealParts = (
  own: TenantCipher,
  { id }: InboxEntry,
  parts: readonly PartContent[],
): readonly Uint8Array[] =>
  parts.map((content, part) => own.seal(placeOf(id, part), JSON.stringify(content)));

/** What `sealParts` sealed. Throws SealError when it is not that. */
export const openContent = async (
  cipher: ContentCipher,
  scope: TenantScope,
  inboxId: number,
  part: number,
  sealed: Uint8Array,
): Promise<PartContent> => {
  const plain = await cipher.open(scope, placeOf(inboxId, part), sealed);
  return JSON.parse(plain.toString("utf8")) as PartContent;
};

/** The same for the same text to the same receiver; tells an outsider nothing. */
export const fingerprintOf = (own: TenantCipher, { target, body }: PartContent): Uint8Array => {
  const { channel, workspaceId, appId, address } = target;
  return own.fingerprint(JSON.stringify([channel, workspaceId, appId, address, body]));
};

const placeOf = (inboxId: number, part: number): string => `outbox/${inboxId}/${part}/content`;
