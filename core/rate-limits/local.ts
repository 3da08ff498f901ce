import { bucketOf, type RateLimiter, type RateVerdict, TELL_EVERY_MS } from "./rate-limiter.ts";

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
  // A tenant's by its id, a sender's by that and their own behind a line feed, which no id has.
  const buckets = new Map<string, Bucket>();
  let tidyFrom = TIDY_FROM;

  const tidy = (nowMs: number): void => {
    for (const [key, { fullAtUs, toldUntilMs }] of buckets) {
      if (fullAtUs <= nowMs * 1000 && toldUntilMs <= nowMs) buckets.delete(key);
    }
    tidyFrom = Math.max(TIDY_FROM, buckets.size * 2);
  };

  const bucketAt = (key: string): Bucket => {
    let bucket = buckets.get(key);
    if (!bucket) {
      bucket = { fullAtUs: 0, toldUntilMs: 0 };
      buckets.set(key, bucket);
    }
    return bucket;
  };

  return {
    take: ({ tenantId, sender, limits }) => {
      const nowMs = now().getTime();
      if (buckets.size >= tidyFrom) tidy(nowMs);
      const user = bucketAt(`${tenantId}\n${sender}`);
      const userOverUs = takeFrom(user, limits.userPerMinute, nowMs * 1000);
      const isUser = userOverUs > 0;
      const overUs = isUser
        ? userOverUs
        : takeFrom(bucketAt(tenantId), limits.tenantPerMinute, nowMs * 1000);
      if (overUs <= 0) return WITHIN;
      const isFirst = user.toldUntilMs <= nowMs;
      if (isFirst) user.toldUntilMs = nowMs + TELL_EVERY_MS;
      const whose = isUser ? "user" : "tenant";
      return { kind: "over", whose, retryAfterMs: Math.ceil(overUs / 1000), isFirst };
    },
  };
};

const WITHIN: RateVerdict = { kind: "within" };

/** Takes one message out of a bucket; by how much it is over, above 0: then nothing was taken. */
const takeFrom = (bucket: Bucket, perMinute: number, nowUs: number): number => {
  const { stepUs, depthUs } = bucketOf(perMinute);
  // No bucket is emptier than empty: the clock was set back, which fills it as a restart does.
  if (bucket.fullAtUs > nowUs + depthUs) bucket.fullAtUs = nowUs;
  const fullAtUs = Math.max(bucket.fullAtUs, nowUs) + stepUs;
  const overUs = fullAtUs - nowUs - depthUs;
  if (overUs <= 0) bucket.fullAtUs = fullAtUs;
  return overUs;
};
