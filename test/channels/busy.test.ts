import { describe, expect, it } from "vitest";
import { createBusy } from "../../channels/busy.ts";

/** An event loop that is told what it does. */
const eventLoop = () => {
  let nowMs = 5_000;
  let restedMs = 1_000;
  return {
    isBusy: createBusy(
      () => nowMs,
      () => restedMs,
    ),
    works: (ms: number) => {
      nowMs += ms;
    },
    rests: (ms: number) => {
      nowMs += ms;
      restedMs += ms;
    },
  };
};

describe("whether a process is busy", () => {
  it("is not known before a tenth of a second has passed, so it is not", () => {
    const { isBusy, works } = eventLoop();
    works(99);
    expect(isBusy()).toBe(false);
    works(1);
    expect(isBusy()).toBe(true);
  });

  it("is no longer once it rested a tenth of the time", () => {
    const { isBusy, works, rests } = eventLoop();
    works(91);
    rests(9);
    expect(isBusy()).toBe(true);
    works(90);
    rests(10);
    expect(isBusy()).toBe(false);
  });

  it("says nothing of a time that is long over", () => {
    const { isBusy, works, rests } = eventLoop();
    works(500);
    expect(isBusy()).toBe(true);
    rests(60_000);
    expect(isBusy()).toBe(false);
    works(200);
    expect(isBusy()).toBe(true);
  });

  it("is told of this process where nothing else is given", async () => {
    const isBusy = createBusy();
    const until = performance.now() + 150;
    while (performance.now() < until);
    expect(isBusy()).toBe(true);
  });
});
