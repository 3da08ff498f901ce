import { tenantScope } from "../store/scope.ts";
import type { Store, Transaction } from "../store/store.ts";
import {
  bucketOf,
  type LimitedMessage,
  type RateLimiter,
  type RateVerdict,
  TELL_EVERY_MS,
} from "./rate-limiter.ts";
import { claimToTell, deleteFullBuckets, fullAt, TENANT_KEY, takeFromBucket } from "./rows.ts";

const TIDY_EVERY_MS = 10 * 60_000;

/** What a process has taken of a tenant's share in advance. */
interface Advance {
  left: number;
  isBeingTaken: boolean;
}

/**
 * Limits of all replicas on one store: each bucket is one row, and
 * taking from it one conditional update. A sender's is asked for each message. A tenant's would be
 * a row that all its messages wait for, so each process takes a second's worth of it in advance: by
 * so much, a sixtieth of the limit for each replica, more may come at once than the limit says.
 */
export const createSharedRateLimiter = (store: Store, now: () => Date): RateLimiter => {
  const tidiedAt = new Map<string, number>();
  const advances = new Map<string, Advance>();

  const advanceOf = (tenantId: string): Advance => {
    const known = advances.get(tenantId) ?? { left: 0, isBeingTaken: false };
    advances.set(tenantId, known);
    return known;
  };

  const isTidyDue = (tenantId: string, time: number): boolean => {
    if (time - (tidiedAt.get(tenantId) ?? 0) < TIDY_EVERY_MS) return false;
    tidiedAt.set(tenantId, time);
    return true;
  };

  return {
    take: async (message) => {
      const { tenantId, limits } = message;
      const time = now().getTime();
      const mustTidy = isTidyDue(tenantId, time);
      const advance = advanceOf(tenantId);
      const isPaid = advance.left > 0;
      const isTaker = !isPaid && !advance.isBeingTaken;
      const batch = isTaker ? Math.max(1, Math.floor(limits.tenantPerMinute / 60)) : 1;
      if (isPaid) advance.left--;
      if (isTaker) advance.isBeingTaken = true;
      try {
        const { verdict, taken } = await store.note(tenantScope(tenantId), (transaction) =>
          takeIn(transaction, message, {
            nowUs: time * 1000,
            mustTidy,
            tenantTries: isPaid ? [] : [...new Set([batch, 1])],
          }),
        );
        if (taken > 1) advance.left += taken - 1;
        if (isPaid && verdict.kind === "over") advance.left++;
        return verdict;
      } finally {
        if (isTaker) advance.isBeingTaken = false;
      }
    },
  };
};

interface Take {
  readonly nowUs: number;
  readonly mustTidy: boolean;
  /** How many messages to take of the tenant's share, the first that it has; none = it is paid for. */
  readonly tenantTries: readonly number[];
}

const takeIn = async (
  transaction: Transaction,
  { tenantId, sender, limits }: LimitedMessage,
  { nowUs, mustTidy, tenantTries }: Take,
): Promise<{ readonly verdict: RateVerdict; readonly taken: number }> => {
  const user = { tenantId, key: `user/${sender}` };
  const tenant = { tenantId, key: TENANT_KEY };
  if (mustTidy) await transaction.run(deleteFullBuckets, { tenantId, nowUs });

  const has = async (place: typeof user, perMinute: number, count: number): Promise<boolean> => {
    const { stepUs: one, depthUs } = bucketOf(perMinute);
    const stepUs = one * count;
    const times = { nowUs, stepUs, latestUs: nowUs + depthUs - stepUs, firstUs: nowUs + stepUs };
    return (await transaction.run(takeFromBucket, { ...place, ...times })) > 0;
  };
  const over = async (whose: "user" | "tenant", place: typeof user, perMinute: number) => {
    const { stepUs, depthUs } = bucketOf(perMinute);
    const row = await transaction.first(fullAt, place);
    const untilUs = nowUs + TELL_EVERY_MS * 1000;
    const told = await transaction.run(claimToTell, { ...user, nowUs, untilUs });
    const overUs = Math.max(1, (row?.full_at ?? 0) + stepUs - depthUs - nowUs);
    const retryAfterMs = Math.ceil(overUs / 1000);
    return { verdict: { kind: "over", whose, retryAfterMs, isFirst: told > 0 }, taken: 0 } as const;
  };

  if (!(await has(user, limits.userPerMinute, 1))) return over("user", user, limits.userPerMinute);
  if (tenantTries.length === 0) return { verdict: { kind: "within" }, taken: 0 };
  for (const count of tenantTries) {
    if (await has(tenant, limits.tenantPerMinute, count)) {
      return { verdict: { kind: "within" }, taken: count };
    }
  }
  return over("tenant", tenant, limits.tenantPerMinute);
};
