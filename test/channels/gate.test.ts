import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createGate } from "../../channels/gate.ts";

const SMALL = { places: 2, waiting: 2, waitMs: 1_000 };

describe("the gate before the webhooks", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** What became of each so far, in the order of their coming. */
  const arrive = (gate: ReturnType<typeof createGate>, count: number) => {
    const seen: (boolean | "waits")[] = Array(count).fill("waits");
    for (const index of seen.keys()) {
      if (gate.enter()) seen[index] = true;
      else {
        void gate.wait().then((isIn) => {
          seen[index] = isIn;
        });
      }
    }
    return seen;
  };

  it("lets in as many as there are places, lets some wait, and turns the others away at once", async () => {
    const gate = createGate(SMALL);
    const seen = arrive(gate, 6);
    await vi.advanceTimersByTimeAsync(0);
    expect(seen).toEqual([true, true, "waits", "waits", false, false]);
    expect(gate.isFull).toBe(true);
  });

  it("is crowded once more than half of the places are taken", async () => {
    const gate = createGate({ ...SMALL, places: 4 });
    const crowded: boolean[] = [];
    for (let taken = 1; taken <= 4; taken++) {
      gate.enter();
      crowded.push(gate.isCrowded);
    }
    expect(crowded).toEqual([false, false, true, true]);
  });

  it("gives a place that is left to who has waited longest", async () => {
    const gate = createGate(SMALL);
    const seen = arrive(gate, 4);
    gate.leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(seen).toEqual([true, true, true, "waits"]);
    expect(gate.isFull).toBe(false);
    gate.leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(seen).toEqual([true, true, true, true]);
  });

  it("turns away who would wait too long, and keeps the place of nobody", async () => {
    const gate = createGate(SMALL);
    const seen = arrive(gate, 4);
    await vi.advanceTimersByTimeAsync(999);
    expect(seen).toEqual([true, true, "waits", "waits"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen).toEqual([true, true, false, false]);
    gate.leave();
    gate.leave();
    const later = arrive(gate, 3);
    await vi.advanceTimersByTimeAsync(0);
    expect(later).toEqual([true, true, "waits"]);
  });

  it("is as empty as before once all have left", async () => {
    const gate = createGate(SMALL);
    for (let round = 0; round < 3; round++) {
      const seen = arrive(gate, 4);
      await vi.advanceTimersByTimeAsync(0);
      for (let left = 0; left < 4; left++) gate.leave();
      await vi.advanceTimersByTimeAsync(0);
      expect(seen).toEqual([true, true, true, true]);
    }
    const seen = arrive(gate, 5);
    await vi.advanceTimersByTimeAsync(0);
    expect(seen).toEqual([true, true, "waits", "waits", false]);
  });
});
