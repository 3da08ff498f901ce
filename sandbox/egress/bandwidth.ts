import { setTimeout as sleep } from "node:timers/promises";

/** Tokens that come back at a steady rate, to be spent before or, on credit, after they are there. */
export interface TokenBucket {
  /** Takes tokens and says how many ms to wait until they are covered. */
  reserve(amount: number, nowMs: number): number;
}

/** `perSecond` may be Infinity. Starts full. */
export const createTokenBucket = (perSecond: number, capacity: number): TokenBucket => {
  let tokens = capacity;
  let lastMs: number | undefined;
  return {
    reserve(amount, nowMs) {
      if (perSecond === Infinity) return 0;
      const elapsedMs = Math.max(0, nowMs - (lastMs ?? nowMs));
      tokens = Math.min(capacity, tokens + (elapsedMs / 1000) * perSecond) - amount;
      lastMs = Math.max(nowMs, lastMs ?? nowMs);
      return tokens >= 0 ? 0 : (-tokens / perSecond) * 1000;
    },
  };
};

// A burst of a quarter of a second is what a short answer takes without being felt.
const BURST_SECONDS = 0.25;

/** A bucket of bytes whose burst is a quarter of a second. */
export const createByteBucket = (bytesPerSecond: number): TokenBucket =>
  createTokenBucket(bytesPerSecond, bytesPerSecond * BURST_SECONDS);

/** What one connection may spend: all of the buckets have to cover it. */
export interface Budget {
  /** Resolves when the bytes may pass. */
  spend(bytes: number): Promise<void>;
}

/** Bytes that pass at once: small, so that many connections share a narrow line evenly. */
const SLICE_BYTES = 16 * 1024;

export const createBudget = (
  buckets: readonly TokenBucket[],
  nowMs: () => number,
  wait: (ms: number) => Promise<unknown> = (ms) => sleep(ms, undefined, { ref: false }),
): Budget => ({
  async spend(bytes) {
    const now = nowMs();
    const delayMs = Math.max(0, ...buckets.map((bucket) => bucket.reserve(bytes, now)));
    if (delayMs > 0) await wait(delayMs);
  },
});

/** A pipeline's stage that passes bytes on as the budget allows, and tells how many; it holds back, never drops. */
export const throttle = (budget: Budget, count: (bytes: number) => void) =>
  async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
        const slice = chunk.subarray(at, at + SLICE_BYTES);
        await budget.spend(slice.length);
        count(slice.length);
        yield slice;
      }
    }
  };
