import type { Review } from "../core/reviews/reviews.ts";

/** What is held, as machines read it, from the verb as over HTTP. */
export const reviewView = ({ id, direction, heldAt, held }: Review, tenant: string, now: Date) => ({
  id,
  tenant,
  holds: direction === "in" ? "message" : "answer",
  held_at: heldAt.toISOString(),
  age_seconds: Math.max(0, Math.floor((now.getTime() - heldAt.getTime()) / 1000)),
  channel: held.message.channel,
  workspace: held.message.workspaceId,
  sender: { id: held.message.sender.id, name: held.message.sender.displayName },
  terms: held.terms,
  text: held.text,
});

/** What a decision that does not count means, for operators. */
export const REVIEW_PROBLEMS = {
  NOT_FOUND: "there is no such review; `clawgate review list` shows what waits",
  OWN_MESSAGE: "it is the reviewer's own message: somebody else has to decide",
  ALREADY_RELEASED: "it was released already",
  ALREADY_REJECTED: "it was rejected already",
  ALREADY_EXPIRED: "nobody decided on it within seven days, and its sender was told so",
  ALREADY_WITHDRAWN: "its sender took it back: nothing of it goes on",
  UNREADABLE: "what was held cannot be read any more; the log says why, and nothing was decided",
} as const;
