import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createPace } from "../../../channels/discord/pace.ts";

// Timers that are late are the machine's affair: they follow the clock that the test moves.
vi.mock("node:timers/promises", () => ({
  setTimeout: (ms: number, _value: undefined, options: { signal?: AbortSignal } | undefined) =>
    new Promise<void>((resolve, reject) => {
      setTimeout(resolve, ms);
      options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
    }),
}));
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const LONG_MS = 60_000;

it("lets a burst go at once, and the rest in order, so that no second sees more than are allowed", async () => {
  const pace = createPace(3);
  const gone: { readonly call: number; readonly at: number }[] = [];
  const calls = Array.from({ length: 7 }, async (_, call) => {
    expect(await pace.turn(LONG_MS, undefined)).toBe(0);
    gone.push({ call, at: performance.now() });
  });
  await vi.runAllTimersAsync();
  await Promise.all(calls);
  expect(gone.map(({ call }) => call)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  for (const [place, { at }] of gone.entries()) {
    const before = gone[place - 3]?.at ?? Number.NEGATIVE_INFINITY;
    expect(at - before).toBeGreaterThanOrEqual(1_000);
  }
});

it("tells who does not wait so long how long it would take, and gives the turn to the next one", async () => {
  const pace = createPace(1);
  await pace.turn(0, undefined);
  for (let time = 0; time < 3; time += 1) {
    const waitMs = await pace.turn(0, undefined);
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(1_000);
  }
});

it("leaves half of the turns to those who wait, and never gives up what nobody waits for", async () => {
  const pace = createPace(20);
  const leaving = new AbortController();
  let gone = 0;
  const spare = Array.from({ length: 15 }, () =>
    pace.spareTurn(LONG_MS, leaving.signal).then(
      () => {
        gone += 1;
      },
      () => {},
    ),
  );
  const turns = Array.from({ length: 10 }, () => pace.turn(0, undefined));
  expect(await Promise.all(turns)).toEqual(turns.map(() => 0));
  await vi.advanceTimersByTimeAsync(0);
  expect(gone).toBe(10);
  leaving.abort();
  await Promise.all(spare);
  // Where others use up more than a second has, it is behind who came before, and comes.
  const busy = createPace(10);
  const order: string[] = [];
  const answers = Array.from({ length: 13 }, () =>
    busy.turn(LONG_MS, undefined).then(() => order.push("answer")),
  );
  const late = busy.spareTurn(LONG_MS, undefined).then(() => order.push("spare"));
  await vi.runAllTimersAsync();
  await Promise.all([...answers, late]);
  expect(order).toEqual([...answers.map(() => "answer"), "spare"]);
});

it("ends the wait of what is aborted", async () => {
  const pace = createPace(1);
  await pace.turn(0, undefined);
  const stopping = new AbortController();
  const waiting = pace.turn(LONG_MS, stopping.signal);
  stopping.abort();
  await expect(waiting).rejects.toThrow();
});
