import { tenantScope } from "../store/scope.ts";
import type { Store, Transaction } from "../store/store.ts";
import {
  bucketOf,
  type LimitedMessage,
  type RateLimiter,
  type RateVerdict,
  TELL_EVERY_MS,
} from "./rate-limiter.ts";
import { claimToTell, deleteFullBuckets, fullAt, takeFromBucket } from "./rows.ts";

const TIDY_EVERY_MS = 10 * 60_000;

/**
 * Limits of all replicas on one store, as exact as their clocks agree: each bucket is one row, and
 * each message one conditional update of the sender's and one of the tenant's.
 */
export const createSharedRateLimiter = (store: Store, now: () => Date): RateLimiter => {
  const tidiedAt = new Map<string, number>();

  const take = async (
    transaction: Transaction,
    message: LimitedMessage,
    nowUs: number,
  ): Promise<RateVerdict> => {
    const { tenantId, limits } = message;
    const user = { tenantId, key: `user/${message.sender}` };
    const shares = [
      { whose: "user", place: user, ...bucketOf(limits.userPerMinute) },
      { whose: "tenant", place: { tenantId, key: "tenant" }, ...bucketOf(limits.tenantPerMinute) },
    ] as const;
    for (const { whose, place, stepUs, depthUs } of shares) {
      const latestUs = nowUs + depthUs - stepUs;
      const times = { nowUs, stepUs, latestUs, firstUs: nowUs + stepUs };
      if ((await transaction.run(takeFromBucket, { ...place, ...times })) > 0) continue;
      const row = await transaction.first(fullAt, place);
      const untilUs = nowUs + TELL_EVERY_MS * 1000;
      const told = await transaction.run(claimToTell, { ...user, nowUs, untilUs });
      const overUs = Math.max(1, (row?.full_at ?? 0) - latestUs);
      return {
        ...{ kind: "over", whose, retryAfterMs: Math.ceil(overUs / 1000) },
        isFirst: told > 0,
      };
    }
    return { kind: "within" };
  };

  return {
    take: async (message) => {
      const { tenantId } = message;
      const time = now().getTime();
      const isTidyDue = time - (tidiedAt.get(tenantId) ?? 0) >= TIDY_EVERY_MS;
      if (isTidyDue) tidiedAt.set(tenantId, time);
      return store.note(tenantScope(tenantId), async (transaction) => {
        const nowUs = time * 1000;
        if (isTidyDue) await transaction.run(deleteFullBuckets, { tenantId, nowUs });
        return take(transaction, message, nowUs);
      });
    },
  };
};
