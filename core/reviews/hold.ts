import { saidIdOf } from "../delivery/said-id.ts";
import { isWithdrawn } from "../delivery/withdrawal-rows.ts";
import { refuse } from "../refuse.ts";
import type { Reviews } from "../safety/reviews.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { tenantScope } from "../store/scope.ts";
import { heldAnswer, sealHeld } from "./held.ts";
import { reviewRecord } from "./on-record.ts";
import { newReviewId } from "./review-id.ts";
import { insertReview, NOTHING } from "./rows.ts";
import { tagsOf } from "./withdraw.ts";

const MAX_FACT_UNITS = 500;
const WITHDRAWN = { state: "withdrawn", content: NOTHING, person: null, said: null } as const;

interface HoldParts {
  readonly cipher: ContentCipher;
  readonly now: () => Date;
}

/** Puts a review into the turn's own transaction, so that it is there with the refusal or not at all. */
export const createHold =
  ({ cipher, now }: HoldParts): Reviews["hold"] =>
  async (context, { direction, text, terms, answer }) => {
    const { message, tenant, locale, traceId, isSensitive = false } = context;
    const scope = tenantScope(tenant.id);
    const { tenantId } = scope;
    const id = newReviewId();
    const own = await cipher.of(scope);
    const content = sealHeld(own, id, {
      message,
      text,
      terms,
      isSensitive,
      ...(answer && { answer: heldAnswer(answer) }),
    });
    const tags = tagsOf(own, message, saidIdOf(message));
    const heldAt = now().getTime();
    const row = { tenantId, id, direction, traceId, heldAt };
    const asked = { tenantId, channel: message.channel, key: message.id };
    context.keep(async (transaction) => {
      // Its sender may have taken it back while the turn was about to end.
      const question = { ...asked, otherKey: saidIdOf(message) };
      const isOver = (await transaction.first(isWithdrawn, question)) !== undefined;
      await transaction.run(insertReview, {
        ...row,
        ...(isOver
          ? { ...WITHDRAWN, decidedAt: heldAt }
          : ({ ...tags, state: "pending", content, decidedAt: 0 } as const)),
      });
    });
    const detail = { direction, terms: terms.join(" ").slice(0, MAX_FACT_UNITS) };
    const sender = { kind: "person", message, traceId } as const;
    const about = { action: "review.hold", subject: id, detail } as const;
    context.record(reviewRecord(sender, scope, now(), about));
    return refuse("CONTENT_HELD", locale);
  };
