import { compose } from "../compose.ts";
import { refuse } from "../refuse.ts";
import { answerOf } from "../reviews/held.ts";
import type { Stage } from "../stage.ts";

/**
 * Goes on with what was held once it is decided: a released message has its turn, a released answer
 * is given as it was, and of everything else its sender is told.
 * @param missed the stages that an answer has still to pass: what its sender may have changed since,
 * and those that it had not come back through yet when it was held
 */
export const reviewed =
  (missed: readonly Stage[]): Stage =>
  (context, next) => {
    if (!context.message.reviewed) return next(context);
    const { reviewed: outcome, ...message } = context.message;
    const { tenant, locale, note, isSensitive = false } = context;
    note?.("review", outcome.reviewId);
    if (outcome.kind === "rejected") return refuse("REVIEW_REJECTED", locale);
    if (outcome.kind === "expired") return refuse("REVIEW_EXPIRED", locale);
    const again = { ...context, message };
    // Its sender has another tenant since: that one's rules hold, and that one's reviewers.
    if (outcome.tenantId !== tenant.id) return next(again);
    if (outcome.kind === "answer_released") {
      const answer = answerOf(outcome.answer);
      const turn = { ...again, isSensitive: isSensitive || outcome.isSensitive };
      return compose([...missed, () => answer])(turn);
    }
    return next({
      ...again,
      released: outcome.text,
      isSensitive: isSensitive || outcome.isSensitive,
    });
  };
