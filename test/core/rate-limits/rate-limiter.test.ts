import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLocalRateLimiter } from "../../../core/rate-limits/local.ts";
import type { RateLimiter, RateLimits } from "../../../core/rate-limits/rate-limiter.ts";
import { createSharedRateLimiter } from "../../../core/rate-limits/shared.ts";
import { describeStores } from "../../fakes/stores.ts";

const START = Date.UTC(2026, 2, 1);
let clock = START;
const now = () => new Date(clock);

/** Facts that hold of every limiter; `create` makes one that remembers nothing of an earlier one. */
const limitFacts = (create: () => RateLimiter, numRuns: number): void => {
  let round = 0;
  /** Messages of one tenant that nobody else has. */
  const fresh = (limits: RateLimits, limiter = create()) => {
    const tenantId = `t${++round}`;
    return (sender = "wei") => limiter.take({ tenantId, sender, limits });
  };
  const many = { userPerMinute: 3, tenantPerMinute: 1000 };

  it("lets a burst of a minute's messages in, then one in each minute's part", async () => {
    const take = fresh(many);
    const kinds: string[] = [];
    for (let n = 0; n < 4; n++) kinds.push((await take()).kind);
    expect(kinds).toEqual(["within", "within", "within", "over"]);
    clock += 19_999;
    expect((await take()).kind).toBe("over");
    clock += 1;
    expect((await take()).kind).toBe("within");
    expect((await take()).kind).toBe("over");
  });

  it("says when the next one is within, to the millisecond", async () => {
    const take = fresh(many);
    for (let n = 0; n < 3; n++) await take();
    clock += 5_000;
    const verdict = await take();
    expect(verdict).toMatchObject({ kind: "over", whose: "user", retryAfterMs: 15_000 });
    clock += 15_000;
    expect((await take()).kind).toBe("within");
  });

  it("has a sender told once a minute, not for every message", async () => {
    const take = fresh(many);
    for (let n = 0; n < 3; n++) await take();
    const firsts: unknown[] = [];
    for (const afterMs of [0, 1, 1, 9_997]) {
      clock += afterMs;
      const verdict = await take();
      firsts.push(verdict.kind === "over" && verdict.isFirst);
    }
    expect(firsts).toEqual([true, false, false, false]);
    for (let n = 0; n < 10; n++) {
      clock += 5_000;
      await take();
    }
    // Just over a minute after they were told.
    clock += 2;
    await take();
    await take();
    const later = await take();
    expect(later).toMatchObject({ kind: "over", isFirst: false });
  });

  it("counts everybody of a tenant together, and tells each of them", async () => {
    const take = fresh({ userPerMinute: 10, tenantPerMinute: 4 });
    for (const sender of ["a", "b", "c", "d"]) expect((await take(sender)).kind).toBe("within");
    const over = { kind: "over", whose: "tenant", retryAfterMs: 15_000 };
    expect(await take("a")).toMatchObject({ ...over, isFirst: true });
    expect(await take("b")).toMatchObject({ ...over, isFirst: true });
    expect(await take("a")).toMatchObject({ ...over, isFirst: false });
  });

  it("does not let one sender's flood use up what the tenant has", async () => {
    const take = fresh({ userPerMinute: 2, tenantPerMinute: 5 });
    for (let n = 0; n < 50; n++) await take("mallory");
    for (const sender of ["a", "b", "c"]) expect((await take(sender)).kind).toBe("within");
  });

  it("keeps tenants and senders apart", async () => {
    const limiter = create();
    const limits = { userPerMinute: 1, tenantPerMinute: 10 };
    const [one, other] = [fresh(limits, limiter), fresh(limits, limiter)];
    expect((await one("wei")).kind).toBe("within");
    expect((await one("mei")).kind).toBe("within");
    expect((await other("wei")).kind).toBe("within");
    expect((await one("wei")).kind).toBe("over");
  });

  it("never lets more in within any span of time than its burst and its rate", async () => {
    const gaps = fc.array(fc.nat(30_000), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 7 }), gaps, async (perMinute, waits) => {
        const take = fresh({ userPerMinute: perMinute, tenantPerMinute: 1_000_000 });
        const passed: number[] = [];
        for (const wait of waits) {
          clock += wait;
          if ((await take()).kind === "within") passed.push(clock);
        }
        for (const [from, start] of passed.entries()) {
          for (const [to, end] of passed.entries()) {
            if (to < from) continue;
            const most = perMinute + ((end - start) * perMinute) / 60_000;
            expect(to - from + 1).toBeLessThanOrEqual(most + 1e-9);
          }
        }
      }),
      { numRuns },
    );
  });
};

describe("limits of one process", () => {
  it("lock nobody out for a day because the clock was set back", async () => {
    const limiter = createLocalRateLimiter(now);
    const limits = { userPerMinute: 3, tenantPerMinute: 1000 };
    const take = () => limiter.take({ tenantId: "set-back", sender: "wei", limits });
    for (let n = 0; n < 3; n++) await take();
    clock -= 24 * 60 * 60_000;
    const kinds: string[] = [];
    for (let n = 0; n < 4; n++) kinds.push((await take()).kind);
    expect(kinds).toEqual(["within", "within", "within", "over"]);
  });

  limitFacts(() => createLocalRateLimiter(now), 100);

  it("forget senders who have been quiet", async () => {
    const limiter = createLocalRateLimiter(now);
    const limits = { userPerMinute: 5, tenantPerMinute: 1_000_000 };
    const flood = async (name: string) => {
      for (let n = 0; n < 10_001; n++) {
        await limiter.take({ tenantId: "sales", sender: `${name}${n}`, limits });
      }
    };
    await flood("a");
    clock += 10 * 60_000;
    await flood("b");
    expect((await limiter.take({ tenantId: "sales", sender: "a1", limits })).kind).toBe("within");
  });
});

describeStores("limits of all replicas", (world) => {
  limitFacts(() => createSharedRateLimiter(world.store, now), 10);

  it("are not multiplied by the number of replicas", async () => {
    const limits = { userPerMinute: 10, tenantPerMinute: 1000 };
    const replicas = [world.store, await world.open(), await world.open()].map((store) =>
      createSharedRateLimiter(store, now),
    );
    const verdicts = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        replicas[n % 3]?.take({ tenantId: "sales", sender: "wei", limits }),
      ),
    );
    expect(verdicts.filter((verdict) => verdict?.kind === "within")).toHaveLength(10);
    const told = verdicts.filter((verdict) => verdict?.kind === "over" && verdict.isFirst);
    expect(told).toHaveLength(1);
  });

  it("of a tenant are passed by no more than a second's worth for each replica", async () => {
    const limits = { userPerMinute: 100_000, tenantPerMinute: 120 };
    const replicas = [world.store, await world.open(), await world.open()].map((store) =>
      createSharedRateLimiter(store, now),
    );
    let within = 0;
    for (let round = 0; round < 3; round++) {
      const verdicts = await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          replicas[n % 3]?.take({ tenantId: "sales", sender: `u${n}`, limits }),
        ),
      );
      within += verdicts.filter((verdict) => verdict?.kind === "within").length;
    }
    expect(within).toBeLessThanOrEqual(120);
    expect(within).toBeGreaterThanOrEqual(120 - 3 * 2);
    // What was taken in advance a long time ago adds to a full bucket.
    clock += 60 * 60_000;
    within = 0;
    for (let n = 0; n < 150; n++) {
      const verdict = await replicas[n % 3]?.take({ tenantId: "sales", sender: "wei", limits });
      if (verdict?.kind === "within") within++;
    }
    expect(within).toBeGreaterThanOrEqual(120 - 3 * 2);
    expect(within).toBeLessThanOrEqual(120 + 3 * 2);
  });

  it("leave no rows behind of people who are quiet", async () => {
    const limiter = createSharedRateLimiter(world.store, now);
    const limits = { userPerMinute: 10, tenantPerMinute: 1000 };
    await limiter.take({ tenantId: "sales", sender: "gone", limits });
    clock += 60 * 60_000;
    await limiter.take({ tenantId: "sales", sender: "here", limits });
    const rows = await world.sql("SELECT key FROM rate_limits WHERE key <> 'tenant'");
    expect(rows.map(({ key }) => key)).toEqual(["user/here"]);
  });
});
