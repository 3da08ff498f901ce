import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createKeyedLoops, type Step } from "../../../core/delivery/keyed-loops.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const loopsOf = (step: Step, concurrency = 10, onError = vi.fn()) => ({
  loops: createKeyedLoops({ step, concurrency, retryAfterMs: 1_000, onError }),
  onError,
});

/** A step whose ends the test decides. */
const heldSteps = () => {
  const started: string[] = [];
  const ends: ((next: "again" | "idle") => void)[] = [];
  const step: Step = (key) => {
    started.push(key);
    return new Promise((resolve) => ends.push(resolve));
  };
  return { started, ends, step };
};

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("keyed loops", () => {
  it("never run two steps of one key at once", async () => {
    const { started, ends, step } = heldSteps();
    const { loops } = loopsOf(step);
    loops.wake("a");
    loops.wake("a");
    await settle();
    expect(started).toEqual(["a"]);
    ends[0]?.("idle");
    await settle();
    expect(started).toEqual(["a", "a"]);
  });

  it("do not strand a wake that comes while the last step is finishing", async () => {
    const { started, ends, step } = heldSteps();
    const { loops } = loopsOf(step);
    loops.wake("a");
    await settle();
    loops.wake("a");
    ends[0]?.("idle");
    await settle();
    expect(started).toHaveLength(2);
  });

  it("run other keys while one is slow", async () => {
    const { started, step } = heldSteps();
    const { loops } = loopsOf(step);
    loops.wake("slow");
    loops.wake("quick");
    await settle();
    expect(started).toEqual(["slow", "quick"]);
  });

  it("give every key its turn when there are more keys than places", async () => {
    const { started, ends, step } = heldSteps();
    const { loops } = loopsOf(step, 1);
    for (const key of ["flood", "quiet"]) loops.wake(key);
    await settle();
    ends[0]?.("again");
    await settle();
    expect(started).toEqual(["flood", "quiet"]);
    ends[1]?.("idle");
    await settle();
    expect(started).toEqual(["flood", "quiet", "flood"]);
  });

  it("look again at the time a step asked for", async () => {
    const step = vi.fn<Step>().mockResolvedValueOnce({ afterMs: 500 }).mockResolvedValue("idle");
    const { loops } = loopsOf(step);
    loops.wake("a");
    await vi.advanceTimersByTimeAsync(499);
    expect(step).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(step).toHaveBeenCalledTimes(2);
  });

  it("try a step that threw again, and report it", async () => {
    const fault = new Error("disk full");
    const step = vi.fn<Step>().mockRejectedValueOnce(fault).mockResolvedValue("idle");
    const { loops, onError } = loopsOf(step);
    loops.wake("a");
    await settle();
    expect(onError).toHaveBeenCalledWith("a", fault);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(step).toHaveBeenCalledTimes(2);
  });

  it("wait for a time that is further away than a timer can count", async () => {
    const step = vi.fn<Step>().mockResolvedValue({ afterMs: 2 ** 31 });
    const { loops } = loopsOf(step);
    loops.wake("a");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(step).toHaveBeenCalledTimes(1);
  });

  it("drain: leave no timer behind, which would keep the process alive", async () => {
    const ends: (() => void)[] = [];
    const { loops } = loopsOf(async (key) => {
      await new Promise<void>((resolve) => ends.push(resolve));
      if (key === "failing") throw new Error("disk full");
      return { afterMs: 300_000 };
    });
    loops.wake("failing");
    loops.wake("waiting");
    await settle();
    const drained = loops.drain();
    for (const end of ends) end();
    await drained;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("drain: let running steps end and begin no more", async () => {
    const { started, ends, step } = heldSteps();
    const { loops } = loopsOf(step);
    loops.wake("a");
    await settle();
    const drained = loops.drain();
    loops.wake("b");
    ends[0]?.("again");
    await drained;
    expect(started).toEqual(["a"]);
  });
});
