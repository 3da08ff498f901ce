import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createGate } from "../../channels/gate.ts";

const SMALL = { places: 2, busyPlaces: 1, waiting: 2, waitMs: 1_000 };
const never = () => false;

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
    const gate = createGate(SMALL, never);
    const seen = arrive(gate, 6);
    await vi.advanceTimersByTimeAsync(0);
    expect(seen).toEqual([true, true, "waits", "waits", false, false]);
    expect(gate.isFull).toBe(true);
  });

  it("is crowded once more than half of the places are taken", async () => {
    const gate = createGate({ ...SMALL, places: 4 }, never);
    const crowded: boolean[] = [];
    for (let taken = 1; taken <= 4; taken++) {
      gate.enter();
      crowded.push(gate.isCrowded);
    }
    expect(crowded).toEqual([false, false, true, true]);
  });

  it("gives a place that is left to who has waited longest", async () => {
    const gate = createGate(SMALL, never);
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
    const gate = createGate(SMALL, never);
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
    const gate = createGate(SMALL, never);
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

  describe("while the process is busy", () => {
    const WIDE = { places: 4, busyPlaces: 2, waiting: 4, waitMs: 1_000 };
    let isBusy = true;
    beforeEach(() => {
      isBusy = true;
    });
    const busyGate = () => createGate(WIDE, () => isBusy);

    it("lets in fewer, and is crowded sooner", async () => {
      const gate = busyGate();
      const seen = arrive(gate, 7);
      await vi.advanceTimersByTimeAsync(0);
      const waits = Array(4).fill("waits");
      expect(seen).toEqual([true, true, ...waits, false]);
      expect([gate.isFull, gate.isCrowded]).toEqual([true, true]);
    });

    it("gives no place again until enough have left, if more are taken", async () => {
      isBusy = false;
      const gate = busyGate();
      const seen = arrive(gate, 5);
      isBusy = true;
      gate.leave();
      gate.leave();
      await vi.advanceTimersByTimeAsync(0);
      expect(seen).toEqual([true, true, true, true, "waits"]);
      gate.leave();
      await vi.advanceTimersByTimeAsync(0);
      expect(seen).toEqual([true, true, true, true, true]);
    });

    it("gives all that there is to who waited, once it is over, and to nobody before them", async () => {
      const gate = busyGate();
      const seen = arrive(gate, 4);
      isBusy = false;
      expect(gate.enter()).toBe(false);
      gate.leave();
      await vi.advanceTimersByTimeAsync(0);
      expect(seen).toEqual([true, true, true, true]);
      expect([gate.enter(), gate.enter()]).toEqual([true, false]);
    });

    it("lets no more wait than may, when there is more room just then", async () => {
      const gate = busyGate();
      arrive(gate, 6);
      isBusy = false;
      expect(gate.isFull).toBe(true);
      expect(await gate.wait()).toBe(false);
    });

    /** A gate, and what ends the turn of the event loop that it is in. */
    const gateInTurns = (busyPlaces = 4) => {
      const looks: (() => void)[] = [];
      const nextTurn = (look: () => void) => void looks.push(look);
      const gate = createGate({ ...WIDE, busyPlaces }, () => isBusy, nextTurn);
      const endTurn = async () => {
        for (const look of looks.splice(0)) look();
        await vi.advanceTimersByTimeAsync(0);
      };
      return { gate, looks, endTurn };
    };

    it("lets nobody in while each turn brings a new connection", async () => {
      const { gate, looks, endTurn } = gateInTurns();
      const seen: ReturnType<typeof arrive>[] = [];
      for (let turn = 0; turn < 3; turn++) {
        gate.arrive({});
        seen.push(arrive(gate, 1));
        await endTurn();
      }
      expect(seen.flat()).toEqual(["waits", "waits", "waits"]);
      await endTurn();
      expect(seen.flat()).toEqual([true, true, true]);
      expect(looks).toEqual([]);
    });

    it("gives no place on meanwhile", async () => {
      const { gate, endTurn } = gateInTurns(1);
      const seen = arrive(gate, 2);
      gate.arrive({});
      gate.leave();
      await vi.advanceTimersByTimeAsync(0);
      expect(seen).toEqual([true, "waits"]);
      await endTurn();
      await endTurn();
      expect(seen).toEqual([true, true]);
    });

    it("takes a connection for new once", async () => {
      const { gate, looks, endTurn } = gateInTurns();
      const kept = {};
      gate.arrive(kept);
      await endTurn();
      await endTurn();
      gate.arrive(kept);
      expect(looks).toEqual([]);
      expect(gate.enter()).toBe(true);
    });

    /** A gate that was told of nothing but one connection for a while. */
    const keptGate = async () => {
      const { gate, endTurn } = gateInTurns(1);
      const kept = {};
      for (let count = 0; count <= WIDE.places; count++) gate.arrive(kept);
      await endTurn();
      await endTurn();
      return { gate, endTurn };
    };

    it("has all its places where nobody came over a new connection for a while", async () => {
      const { gate } = await keptGate();
      const entered = Array.from({ length: WIDE.places + 1 }, () => gate.enter());
      expect(entered).toEqual([true, true, true, true, false]);
    });

    it("has few again as soon as somebody does", async () => {
      const { gate, endTurn } = await keptGate();
      gate.arrive({});
      await endTurn();
      await endTurn();
      expect([gate.enter(), gate.enter()]).toEqual([true, false]);
    });

    it("attack: lets somebody in after 512 connections, however many more come", async () => {
      const { gate, endTurn } = gateInTurns();
      gate.arrive({});
      const waiting = arrive(gate, 1);
      let turns = 0;
      while (waiting[0] === "waits" && turns < 1_000) {
        await endTurn();
        gate.arrive({});
        turns++;
      }
      expect(turns).toBe(512);
    });

    it("holds nobody back when it is not", () => {
      isBusy = false;
      const { gate, looks } = gateInTurns();
      gate.arrive({});
      expect(looks).toEqual([]);
      expect(gate.enter()).toBe(true);
    });
  });
});
