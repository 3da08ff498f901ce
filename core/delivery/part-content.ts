import type { OutboundPart } from "../contract/channel.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { InboxEntry } from "./inbox.ts";

/** What is sealed of a part. */
type Content = Pick<OutboundPart, "target" | "body">;

/** The parts of a reply as their rows hold them, by position. */
export const sealParts = (
  cipher: ContentCipher,
  { id, scope, message }: InboxEntry,
  parts: readonly string[],
) => {
  const { target } = message;
  const receiver = [target.channel, target.workspaceId, target.appId, target.address];
  return Promise.all(
    parts.map(async (body, part) => ({
      content: await cipher.seal(
        scope,
        placeOf(id, part),
        // What is no text cannot be sent as UTF-8; everything else of it can.
        Buffer.from(JSON.stringify({ target, body: body.toWellFormed() } satisfies Content)),
      ),
      fingerprint: await cipher.fingerprint(scope, JSON.stringify([...receiver, body])),
    })),
  );
};

/** What `sealParts` sealed. Throws SealError when it is not that. */
export const openContent = async (
  cipher: ContentCipher,
  scope: TenantScope,
  inboxId: number,
  part: number,
  sealed: Uint8Array,
): Promise<Content> => {
  const plain = await cipher.open(scope, placeOf(inboxId, part), sealed);
  return JSON.parse(plain.toString("utf8")) as Content;
};

const placeOf = (inboxId: number, part: number): string => `outbox/${inboxId}/${part}/content`;
