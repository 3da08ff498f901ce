import type { InboundMessage } from "../contract/message.ts";

const EDIT = "/edit/";
const REVIEW = "review/";

/**
 * The id under which a person said it first: an edit, and what comes back from a reviewer, is that
 * same thing said.
 */
export const saidIdOf = ({
  id,
  originalId = id,
}: Pick<InboundMessage, "id" | "originalId">): string => {
  const at = originalId.indexOf(EDIT);
  return at < 0 ? originalId : originalId.slice(0, at);
};

/** Whether an id is that of an edit of this message. */
export const isEditOf = (id: string, messageId: string): boolean =>
  id.startsWith(`${messageId}${EDIT}`);

/** The id under which something comes back that a reviewer decided on. */
export const reviewedId = (tenantId: string, reviewId: string): string =>
  `${REVIEW}${tenantId}/${reviewId}`;

/** Whether an id is such a one. */
export const isFromReviewer = (id: string): boolean => id.startsWith(REVIEW);
