import type { Answer, OutgoingFile } from "./reply.ts";

/**
 * What became of a message, or of its answer, that was held for a reviewer. It is decided once, and
 * travels with the message when that comes back to be gone on with.
 */
export type ReviewOutcome =
  | {
      readonly kind: "message_released";
      readonly reviewId: string;
      /** Whose reviewer released it; nobody else's rules are satisfied by that. */
      readonly tenantId: string;
      /** Exactly what the reviewer let through. */
      readonly text: string;
      /** Personal data was found in the message before it was held. */
      readonly isSensitive: boolean;
    }
  | {
      readonly kind: "answer_released";
      readonly reviewId: string;
      readonly tenantId: string;
      readonly answer: HeldAnswer;
      /** Personal data was found in the message that it answers. */
      readonly isSensitive: boolean;
    }
  | { readonly kind: "rejected"; readonly reviewId: string }
  | { readonly kind: "expired"; readonly reviewId: string };

/** An answer as JSON keeps it. */
export type HeldAnswer = Omit<Answer, "files"> & { readonly files?: readonly HeldFile[] };

interface HeldFile extends Omit<OutgoingFile, "bytes"> {
  readonly base64: string;
}
