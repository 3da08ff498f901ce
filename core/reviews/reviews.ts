import type { Direction } from "../../config/detectors.ts";
import type { AuditLog, AuditRecord } from "../audit-log.ts";
import type { Log } from "../contract/log.ts";
import type { InboundMessage } from "../contract/message.ts";
import { inboxRow } from "../delivery/inbox-row.ts";
import { insertMessage } from "../delivery/inbox-rows.ts";
import type { Lane } from "../delivery/schedule.ts";
import { SealError } from "../keys/errors.ts";
import type { Reviews } from "../safety/reviews.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { ReviewsTable } from "../store/schema.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { cameBack, type Held, isSender, openHeld, released } from "./held.ts";
import { createHold } from "./hold.ts";
import { type Reviewer, reviewRecord } from "./on-record.ts";
import { isReviewId } from "./review-id.ts";
import {
  countPending,
  decideReview,
  forgetDecided,
  NOTHING,
  oldestPending,
  pendingSince,
  reviewById,
} from "./rows.ts";
import { createWithdraw, type Withdraw } from "./withdraw.ts";

/** Something that waits for a reviewer. */
export interface Review {
  readonly id: string;
  readonly direction: Direction;
  readonly heldAt: Date;
  readonly held: Held;
}

export type ReviewVerdict = "release" | "reject";

/** What a decision came to: this one counts, or why it does not. */
export type ReviewDecision =
  | { readonly kind: "decided"; readonly verdict: ReviewVerdict }
  | { readonly kind: "refused"; readonly code: ReviewRefusalCode };

export type ReviewRefusalCode =
  | "NOT_FOUND"
  | "OWN_MESSAGE"
  | "ALREADY_RELEASED"
  | "ALREADY_REJECTED"
  | "ALREADY_EXPIRED"
  /** By its sender. */
  | "ALREADY_WITHDRAWN"
  /** What is stored was changed, or its key is gone. */
  | "UNREADABLE";

/**
 * What is held until a person has looked at it. All of it is put on record, never what was said:
 * what is read before it is returned, what is decided together with the decision.
 */
export interface ReviewQueue extends Reviews {
  /** What waits longest first, and how many wait in all. */
  list(
    reviewer: Reviewer,
    scope: TenantScope,
    limit: number,
  ): Promise<{ readonly reviews: readonly Review[]; readonly pending: number }>;
  /** One that waits; undefined where there is none of that id. */
  show(reviewer: Reviewer, scope: TenantScope, id: string): Promise<Review | undefined>;
  /** Decides once and for all; the message comes back with its conversation's next turn. */
  decide(
    reviewer: Reviewer,
    scope: TenantScope,
    id: string,
    verdict: ReviewVerdict,
  ): Promise<ReviewDecision>;
  readonly withdraw: Withdraw;
  /** Tells the senders of what nobody decided on in time, and forgets what was decided long ago. */
  tidy(): Promise<void>;
}

export interface ReviewParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  /** There may be work in this lane now. */
  readonly wake: (lane: Lane) => void;
  readonly log: Pick<Log, "error" | "warn">;
  readonly now: () => Date;
}

const DAY_MS = 24 * 60 * 60_000;
const EXPIRES_MS = 7 * DAY_MS;
// Until then a late click is told what was decided.
const REMEMBERED_MS = 30 * DAY_MS;
const EXPIRED_AT_ONCE = 100;

export const createReviews = (parts: ReviewParts): ReviewQueue => {
  const { store, cipher, auditLog, wake, log, now } = parts;

  const recordOf = (
    reviewer: Reviewer,
    scope: TenantScope,
    about: Parameters<typeof reviewRecord>[3],
  ): AuditRecord => reviewRecord(reviewer, scope, now(), about);

  const find = ({ tenantId }: TenantScope, id: string) =>
    store.read(tenantScope(tenantId), (transaction) =>
      transaction.first(reviewById, { tenantId, id }),
    );

  /** What was held; undefined when the row is not what was sealed. */
  const open = async (
    scope: TenantScope,
    { id, content }: Pick<ReviewsTable, "id" | "content">,
  ): Promise<Held | undefined> => {
    try {
      return await openHeld(cipher, scope, id, content);
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      log.error({ err: cause, review: id, alert: "review_unreadable" }, "review cannot be opened");
      return undefined;
    }
  };

  /** Ends a review and brings its message back, if it is to, in one transaction; false when somebody else ended it. */
  const settle = async (
    scope: TenantScope,
    id: string,
    state: Exclude<ReviewsTable["state"], "pending">,
    record: AuditRecord,
    back?: InboundMessage,
  ): Promise<boolean> => {
    const { tenantId } = scope;
    const at = now();
    const row = back && inboxRow(await cipher.of(scope), back, at);
    const prepared = await auditLog.prepare(record);
    const change = { tenantId, id, state, nothing: NOTHING, decidedAt: at.getTime() };
    const isOurs = await store.write(scope, async (transaction) => {
      if ((await transaction.run(decideReview, change)) === 0) return false;
      if (row && (await transaction.insert(insertMessage, row)) === undefined) {
        throw new Error(`review ${id} came back before it was decided`);
      }
      await auditLog.recordIn(transaction, prepared);
      return true;
    });
    if (isOurs && row) wake({ id: row.lane, tenantId });
    return isOurs;
  };

  const expire = async (scope: TenantScope, id: string): Promise<void> => {
    const row = await find(scope, id);
    if (row?.state !== "pending") return;
    const held = await open(scope, row);
    const record = recordOf({ kind: "operator", who: "gateway" }, scope, {
      action: "review.expire",
      subject: id,
    });
    const back = held && cameBack(held, scope, { kind: "expired", reviewId: id });
    await settle(scope, id, "expired", record, back);
  };

  return {
    withdraw: createWithdraw({ store, cipher, settle, now }),

    hold: createHold({ cipher, now }),

    list: async (reviewer, scope, limit) => {
      const { tenantId } = scope;
      const { rows, pending } = await store.read(scope, async (transaction) => ({
        rows: await transaction.all(oldestPending, { tenantId, limit }),
        pending: (await transaction.first(countPending, { tenantId }))?.count ?? 0,
      }));
      const reviews: Review[] = [];
      for (const row of rows) {
        const held = await open(scope, row);
        if (held) reviews.push(reviewOf(row, held));
      }
      const detail = { shown: reviews.length };
      await auditLog.record(
        recordOf(reviewer, scope, { action: "review.list", subject: "reviews", detail }),
      );
      return { reviews, pending: Number(pending) };
    },

    show: async (reviewer, scope, id) => {
      const row = isReviewId(id) ? await find(scope, id) : undefined;
      const held = row?.state === "pending" ? await open(scope, row) : undefined;
      await auditLog.record(
        recordOf(reviewer, scope, {
          action: "review.show",
          subject: subjectOf(id),
          ...(!held && { refused: "NOT_FOUND" }),
        }),
      );
      return row && held && reviewOf(row, held);
    },

    decide: async (reviewer, scope, id, verdict) => {
      const about = { action: `review.${verdict}`, subject: subjectOf(id) } as const;
      const refused = async (code: ReviewRefusalCode): Promise<ReviewDecision> => {
        await auditLog.record(recordOf(reviewer, scope, { ...about, refused: code }));
        return { kind: "refused", code };
      };
      const row = isReviewId(id) ? await find(scope, id) : undefined;
      if (!row) return refused("NOT_FOUND");
      if (row.state !== "pending") return refused(ALREADY[row.state]);
      const held = await open(scope, row);
      if (!held) return refused("UNREADABLE");
      if (reviewer.kind === "person" && isSender(held, reviewer.message)) {
        return refused("OWN_MESSAGE");
      }
      const outcome =
        verdict === "release"
          ? released(held, scope, id)
          : ({ kind: "rejected", reviewId: id } as const);
      const record = recordOf(reviewer, scope, {
        ...about,
        detail: { direction: row.direction, held: row.trace_id },
      });
      const back = cameBack(held, scope, outcome);
      if (await settle(scope, id, STATES[verdict], record, back))
        return { kind: "decided", verdict };
      const state = (await find(scope, id))?.state ?? "pending";
      return refused(state === "pending" ? "NOT_FOUND" : ALREADY[state]);
    },

    tidy: async () => {
      const at = now().getTime();
      const late = await store.read("intake", (transaction) =>
        transaction.all(pendingSince, { before: at - EXPIRES_MS, limit: EXPIRED_AT_ONCE }),
      );
      for (const { tenant_id: tenantId, id } of late) {
        try {
          await expire(tenantScope(tenantId), id);
        } catch (cause) {
          // One whose key cannot be had for now keeps no other waiting.
          log.warn({ err: cause, review: id }, "review not expired; trying again later");
        }
      }
      await store.note("intake", (transaction) =>
        transaction.run(forgetDecided, { before: at - REMEMBERED_MS }),
      );
    },
  };
};

const STATES = { release: "released", reject: "rejected" } as const;

const ALREADY = {
  released: "ALREADY_RELEASED",
  rejected: "ALREADY_REJECTED",
  expired: "ALREADY_EXPIRED",
  withdrawn: "ALREADY_WITHDRAWN",
} as const;

const reviewOf = (
  { id, direction, held_at }: Pick<ReviewsTable, "id" | "direction" | "held_at">,
  held: Held,
): Review => ({ id, direction, heldAt: new Date(held_at), held });

/** What somebody took for an id may be anything: only an id goes on record. */
const subjectOf = (id: string): string => (isReviewId(id) ? id : "");
