import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createBudget,
  createByteBucket,
  createTokenBucket,
  type TokenBucket,
  throttle,
} from "../../../sandbox/egress/bandwidth.ts";

/** A clock that waiting moves on, and when each byte passed. */
const simulate = async (buckets: readonly TokenBucket[], chunks: readonly number[]) => {
  let nowMs = 0;
  const passed: { atMs: number; bytes: number }[] = [];
  const budget = createBudget(
    buckets,
    () => nowMs,
    async (ms) => {
      nowMs += ms;
    },
  );
  await pipeline(
    Readable.from(chunks.map((size) => Buffer.alloc(size))),
    throttle(budget, (bytes) => passed.push({ atMs: nowMs, bytes })),
    async (source: AsyncIterable<Buffer>) => {
      for await (const _ of source);
    },
  );
  return passed;
};

describe("bandwidth", () => {
  it("is held over time, with a burst of a quarter of a second", async () => {
    const passed = await simulate([createByteBucket(100_000)], [500_000, 500_000]);
    const total = passed.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total).toBe(1_000_000);
    expect(passed.at(-1)?.atMs).toBeCloseTo(9_750, -1);
  });

  it("is never exceeded in any window by more than the burst", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 20_000, max: 1_000_000 }),
        fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 20 }),
        async (rate, chunks) => {
          const passed = await simulate([createByteBucket(rate)], chunks);
          for (const [index, { atMs }] of passed.entries()) {
            let bytes = 0;
            for (const later of passed.slice(index)) {
              bytes += later.bytes;
              const allowed = rate * 0.25 + ((later.atMs - atMs) / 1000) * rate + 16 * 1024;
              expect(bytes).toBeLessThanOrEqual(allowed + 1);
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it("is the lowest of those that apply, and one bucket is shared by all who spend from it", async () => {
    const slow = await simulate([createByteBucket(1e9), createByteBucket(100_000)], [1_000_000]);
    expect(slow.at(-1)?.atMs).toBeCloseTo(9_750, -1);
    const shared = createByteBucket(100_000);
    let nowMs = 0;
    const budgets = [1, 2].map(() =>
      createBudget(
        [shared],
        () => nowMs,
        async (ms) => {
          nowMs += ms;
        },
      ),
    );
    for (let sent = 0; sent < 1_000_000; sent += 20_000) {
      for (const budget of budgets) await budget.spend(10_000);
    }
    expect(nowMs).toBeCloseTo(9_750, -1);
  });

  it("without a limit waits for nothing", () => {
    expect(createTokenBucket(Infinity, Infinity).reserve(1e15, 0)).toBe(0);
  });

  it("saves up no more than the burst, and a clock that goes back gives nothing", () => {
    const bucket = createTokenBucket(10, 5);
    expect(bucket.reserve(5, 0)).toBe(0);
    expect(bucket.reserve(5, 1_000_000)).toBe(0);
    expect(bucket.reserve(1, 500_000)).toBe(100);
    expect(bucket.reserve(1, 1_000_000)).toBe(200);
  });
});
