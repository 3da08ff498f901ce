import { bucketOf, type RateLimiter, TELL_EVERY_MS } from "./rate-limiter.ts";

interface Bucket {
  /** When it will be full again, epoch microseconds. */
  fullAtUs: number;
  /** Its owner has been told until then, epoch milliseconds. */
  toldUntilMs: number;
}

// Beyond this many, those that have nothing to remember are let go.
const TIDY_FROM = 10_000;

/** Limits of one process that has its store for itself; a restart fills every bucket. */
export const createLocalRateLimiter = (now: () => Date): RateLimiter => {
  const buckets = new Map<string, Bucket>();
  let tidyFrom = TIDY_FROM;

  const tidy = (nowMs: number): void => {
    for (const [key, { fullAtUs, toldUntilMs }] of buckets) {
      if (fullAtUs <= nowMs * 1000 && toldUntilMs <= nowMs) buckets.delete(key);
    }
    tidyFrom = Math.max(TIDY_FROM, buckets.size * 2);
  };

  const bucketAt = (tenantId: string, name: string): Bucket => {
    const key = JSON.stringify([tenantId, name]);
    let bucket = buckets.get(key);
    if (!bucket) {
      bucket = { fullAtUs: 0, toldUntilMs: 0 };
      buckets.set(key, bucket);
    }
    return bucket;
  };

  return {
    take: async ({ tenantId, sender, limits }) => {
      const nowMs = now().getTime();
      if (buckets.size >= tidyFrom) tidy(nowMs);
      const user = bucketAt(tenantId, `user/${sender}`);
      const shares = [
        { whose: "user", bucket: user, ...bucketOf(limits.userPerMinute) },
        {
          whose: "tenant",
          bucket: bucketAt(tenantId, "tenant"),
          ...bucketOf(limits.tenantPerMinute),
        },
      ] as const;
      for (const { whose, bucket, stepUs, depthUs } of shares) {
        const nowUs = nowMs * 1000;
        // No bucket is emptier than empty: the clock was set back, which fills it as a restart does.
        if (bucket.fullAtUs > nowUs + depthUs) bucket.fullAtUs = nowUs;
        const fullAtUs = Math.max(bucket.fullAtUs, nowUs) + stepUs;
        const overUs = fullAtUs - nowUs - depthUs;
        if (overUs > 0) {
          const isFirst = user.toldUntilMs <= nowMs;
          if (isFirst) user.toldUntilMs = nowMs + TELL_EVERY_MS;
          return { kind: "over", whose, retryAfterMs: Math.ceil(overUs / 1000), isFirst };
        }
        bucket.fullAtUs = fullAtUs;
      }
      return { kind: "within" };
    },
  };
};
