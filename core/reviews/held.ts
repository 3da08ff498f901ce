import type { InboundMessage } from "../contract/message.ts";
import type { Answer } from "../contract/reply.ts";
import type { HeldAnswer, ReviewOutcome } from "../contract/review.ts";
import { reviewedId } from "../delivery/said-id.ts";
import type { ContentCipher, TenantCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";

/** What is sealed of a review until it is decided. */
export interface Held {
  /** As it was when it was held: without the personal data that had to be left out. */
  readonly message: InboundMessage;
  /** What the reviewer reads and decides on. */
  readonly text: string;
  /** Ids of the terms that asked for the review, each once; empty = a classifier did. */
  readonly terms: readonly string[];
  readonly isSensitive: boolean;
  /** Where it is the answer that is held. */
  readonly answer?: HeldAnswer;
}

export const sealHeld = (own: TenantCipher, id: string, held: Held): Buffer =>
  own.seal(placeOf(id), JSON.stringify(held));

/** What `sealHeld` sealed. Throws SealError when it is not that. */
export const openHeld = async (
  cipher: ContentCipher,
  scope: TenantScope,
  id: string,
  sealed: Uint8Array,
): Promise<Held> => {
  const plain = await cipher.open(scope, placeOf(id), sealed);
  const held = JSON.parse(plain.toString("utf8")) as Held;
  return { ...held, message: { ...held.message, sentAt: new Date(held.message.sentAt) } };
};

/** The message as it comes back once it is decided: in its conversation's turn, under a key of its own. */
export const cameBack = (
  { message }: Held,
  { tenantId }: TenantScope,
  reviewed: ReviewOutcome,
): InboundMessage => {
  const { originalId = message.id } = message;
  return { ...message, originalId, id: reviewedId(tenantId, reviewed.reviewId), reviewed };
};

/** What releasing comes to. */
export const released = (
  { text, isSensitive, answer }: Held,
  { tenantId }: TenantScope,
  reviewId: string,
): ReviewOutcome =>
  answer
    ? { kind: "answer_released", reviewId, tenantId, answer, isSensitive }
    : { kind: "message_released", reviewId, tenantId, text, isSensitive };

/** An answer as it is held. */
export const heldAnswer = ({ files, ...answer }: Answer): HeldAnswer => ({
  ...answer,
  ...(files && {
    files: files.map(({ bytes, ...file }) => ({ ...file, base64: bytes.toString("base64") })),
  }),
});

/** The answer that was held. */
export const answerOf = ({ files, ...answer }: HeldAnswer): Answer => ({
  ...answer,
  ...(files && {
    files: files.map(({ base64, ...file }) => ({ ...file, bytes: Buffer.from(base64, "base64") })),
  }),
});

/** Who it is about, whatever the spelling: nobody decides on their own. */
export const isSender = (
  { message }: Held,
  person: Pick<InboundMessage, "channel" | "sender">,
): boolean =>
  // Whatever the workspace: a direct chat may lie in none, and then nobody could tell.
  message.channel === person.channel &&
  message.sender.id.toLowerCase() === person.sender.id.toLowerCase();

const placeOf = (id: string): string => `reviews/${id}/content`;
