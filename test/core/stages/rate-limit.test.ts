import { expect, it } from "vitest";
import type { Locale } from "../../../core/contract/model.ts";
import { createCounters } from "../../../core/delivery/counters.ts";
import { createLocalRateLimiter } from "../../../core/rate-limits/local.ts";
import { rateLimit } from "../../../core/stages/rate-limit.ts";
import { tenantWith, textContext } from "../../fakes/turn.ts";

const setUp = () => {
  let time = 1_795_000_000_000;
  const counters = createCounters();
  const stage = rateLimit(
    createLocalRateLimiter(() => new Date(time)),
    counters,
  );
  const rateLimits = { userPerMinute: 2, tenantPerMinute: 100 };
  const say = (locale: Locale = "en") =>
    stage({ ...textContext("hi", tenantWith([], { rateLimits })), locale }, async () => ({
      kind: "text",
      markdown: "hello",
    }));
  const wait = (ms: number) => {
    time += ms;
  };
  return { say, wait, counters };
};

it("tells a flooder once when to try again, then says nothing until it is within", async () => {
  const { say, wait, counters } = setUp();
  const kinds: unknown[] = [];
  for (let n = 0; n < 5; n++) {
    const reply = await say();
    kinds.push(reply.kind === "refusal" ? reply.markdown : reply.kind);
  }
  expect(kinds).toEqual([
    "text",
    "text",
    expect.stringMatching(/try again in 30 s\. \[RATE_LIMITED\]$/),
    "silence",
    "silence",
  ]);
  expect(await say()).toEqual({ kind: "silence", reason: "RATE_LIMITED" });
  expect(counters.rateLimited).toBe(4);
  wait(30_000);
  expect((await say()).kind).toBe("text");
});

it.each([
  ["zh-Hant", "請於 30 秒後再試"],
  ["zh-Hans", "请在 30 秒后再试"],
] as const)("says it in %s", async (locale, words) => {
  const { say } = setUp();
  await say();
  await say();
  expect(await say(locale)).toMatchObject({ markdown: expect.stringContaining(words) });
});
