import type { RoleIndex } from "../../config/roles.ts";
import type { InboundEvent } from "../contract/message.ts";
import type { Reply } from "../contract/reply.ts";
import { refuse } from "../refuse.ts";
import { isSender } from "../reviews/held.ts";
import type { Reviewer } from "../reviews/on-record.ts";
import { reviewOfCard } from "../reviews/review-id.ts";
import type { Review, ReviewQueue, ReviewVerdict } from "../reviews/reviews.ts";
import {
  decidedCard,
  decisionText,
  nothingWaits,
  reviewAnswer,
  reviewList,
  reviewUsage,
} from "../reviews/wording.ts";
import type { Context, Stage } from "../stage.ts";
import { tenantScope } from "../store/scope.ts";
import { mayReview } from "./authorize.ts";

export interface ReviewStageParts {
  readonly reviews: Pick<ReviewQueue, "list" | "show" | "decide">;
  readonly roles: RoleIndex;
  readonly now: () => Date;
}

const SHOWN_AT_ONCE = 20;

/** Answers `/review`: shows reviewers of the tenant what is held, and takes their decisions. */
export const review =
  (parts: ReviewStageParts): Stage =>
  (context, next) => {
    const { content } = context.message;
    return content.kind === "text" && isReview(content.text)
      ? answered(parts, context, content.text)
      : next(context);
  };

const COMMAND = "/review";

/** Whether a text's first word is the command; without looking at more of it. */
const isReview = (text: string): boolean =>
  text
    .trimStart()
    .slice(0, COMMAND.length + 1)
    .trimEnd()
    .toLowerCase() === COMMAND;

const answered = async (
  { reviews, roles, now }: ReviewStageParts,
  context: Context,
  text: string,
): Promise<Reply> => {
  const { message, locale } = context;
  if (!mayReview(roles, message)) return refuse("NOT_PERMITTED", locale);
  const [, verb = "", id = ""] = text.trim().toLowerCase().split(/\s+/, 4);
  const { reviewer, scope } = whoAndWhere(context);
  const shown = (review: Review, pending?: number): Reply =>
    reviewAnswer(review, {
      locale,
      now: now(),
      ...(pending !== undefined && { pending }),
      isPrivate: message.conversation.kind === "direct",
    });
  if (verb === "release" || verb === "reject") {
    const decision = await reviews.decide(reviewer, scope, id, verb);
    return { kind: "text", markdown: decisionText(decision, locale) };
  }
  if (verb === "show") {
    const found = await reviews.show(reviewer, scope, id);
    if (found) return shown(found);
    const markdown = decisionText({ kind: "refused", code: "NOT_FOUND" }, locale);
    return { kind: "text", markdown };
  }
  if (verb !== "" && verb !== "list") return { kind: "text", markdown: reviewUsage(locale) };
  const { reviews: waiting, pending } = await reviews.list(reviewer, scope, SHOWN_AT_ONCE);
  // One's own is somebody else's to decide.
  const first = waiting.find(({ held }) => !isSender(held, message));
  if (verb === "" && first) return shown(first, pending);
  const markdown =
    pending === 0 ? nothingWaits(locale) : reviewList(waiting, pending, locale, now());
  return { kind: "text", markdown };
};

/**
 * Takes the decision of whoever clicks on a review's card. A click proves nothing: who clicks is
 * judged now, and what is decided already stays so.
 */
export const reviewClick =
  (parts: ClickParts): Stage =>
  (context, next) => {
    const { content } = context.message;
    const click = content.kind === "event" ? content.event.click : undefined;
    const id = click && reviewOfCard(click.cardId);
    return click && id !== undefined ? decided(parts, context, click, id) : next(context);
  };

type ClickParts = Omit<ReviewStageParts, "now">;

const decided = async (
  { reviews, roles }: ClickParts,
  context: Context,
  click: NonNullable<InboundEvent["click"]>,
  id: string,
): Promise<Reply> => {
  const { message, locale } = context;
  if (!mayReview(roles, message)) return refuse("NOT_PERMITTED", locale);
  const verdict = VERDICTS.find((each) => each === click.buttonId);
  if (!verdict) return { kind: "silence", reason: "EVENT_NOT_HANDLED" };
  const { reviewer, scope } = whoAndWhere(context);
  const decision = await reviews.decide(reviewer, scope, id, verdict);
  const text = decisionText(decision, locale);
  const isOver = decision.kind === "decided" || decision.code.startsWith("ALREADY_");
  return isOver
    ? { kind: "text", markdown: "", card: decidedCard(click.cardId, id, text, locale) }
    : { kind: "text", markdown: text };
};

const VERDICTS: readonly ReviewVerdict[] = ["release", "reject"];

const whoAndWhere = ({ message, tenant, traceId }: Context) => ({
  reviewer: { kind: "person", message, traceId } satisfies Reviewer,
  scope: tenantScope(tenant.id),
});
