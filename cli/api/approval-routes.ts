import { z } from "zod";
import type { ReviewQueue, ReviewRefusalCode, ReviewVerdict } from "../../core/reviews/reviews.ts";
import { tenantScope } from "../../core/store/scope.ts";
import { REVIEW_PROBLEMS, reviewView } from "../review-view.ts";
import { checked } from "./checked.ts";
import { ApiError } from "./errors.ts";
import type { Call, Route } from "./route.ts";

export interface ApprovalRouteParts {
  readonly reviews: Pick<ReviewQueue, "list" | "decide">;
  readonly now: () => Date;
}

/** What the routes of held messages and answers do; as the verbs of `clawgate review`. */
export const approvalHandlers = ({ reviews, now }: ApprovalRouteParts) => {
  /** What people wrote is read one tenant at a time, whoever asks. */
  const tenantOf = ({ operator: { tenantId } }: Call): string => {
    if (tenantId !== undefined) return tenantId;
    throw new ApiError(
      400,
      "BAD_REQUEST",
      "this key is for all tenants: say whose reviews with X-Tenant-ID",
    );
  };
  const reviewerOf = ({ operator: { who } }: Call) => ({ kind: "operator", who }) as const;

  const list: Route["handle"] = async (call) => {
    const tenantId = tenantOf(call);
    const { limit } = checked("query", approvalsQuery, call.query);
    const found = await reviews.list(reviewerOf(call), tenantScope(tenantId), limit);
    const at = now();
    const approvals = found.reviews.map((review) => reviewView(review, tenantId, at));
    return { status: 200, body: { approvals, pending: found.pending } };
  };

  const decide =
    (verdict: ReviewVerdict): Route["handle"] =>
    async (call) => {
      const tenantId = tenantOf(call);
      checked("body", z.strictObject({}), call.body);
      const { id } = checked("path", z.strictObject({ id: z.string() }), call.params);
      const decision = await reviews.decide(reviewerOf(call), tenantScope(tenantId), id, verdict);
      if (decision.kind === "refused") {
        const { code } = decision;
        throw new ApiError(STATUS[code], code, REVIEW_PROBLEMS[code]);
      }
      return { status: 200, body: { approval: { id, tenant: tenantId, state: STATES[verdict] } } };
    };

  return { list, release: decide("release"), reject: decide("reject") };
};

/** What `GET /api/approvals` takes. */
export const approvalsQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,4}$/, "a whole number")
    .transform(Number)
    .pipe(z.int().min(1).max(500))
    .default(50),
});

const STATES = { release: "released", reject: "rejected" } as const;

const STATUS: Readonly<Record<ReviewRefusalCode, number>> = {
  NOT_FOUND: 404,
  OWN_MESSAGE: 403,
  ALREADY_RELEASED: 409,
  ALREADY_REJECTED: 409,
  ALREADY_EXPIRED: 409,
  ALREADY_WITHDRAWN: 409,
  UNREADABLE: 409,
};
