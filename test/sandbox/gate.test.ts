import { describe, expect, it } from "vitest";
import { createGate } from "../../sandbox/gate.ts";

/** Enters so many times and notes in which order the places were given. */
const visitors = async (count: number, places: number) => {
  const gate = createGate(places);
  const inside: number[] = [];
  const leaves: (() => void)[] = [];
  for (let number = 0; number < count; number++) {
    gate.enter().then((leave) => {
      inside.push(number);
      leaves[number] = leave;
    });
  }
  await settle();
  return { inside, leave: (number: number) => leaves[number]?.() };
};
const settle = () => new Promise(setImmediate);

describe("the gate before the sandbox", () => {
  it("lets in as many as it has places, and the next when one leaves, first come first served", async () => {
    const { inside, leave } = await visitors(4, 2);
    expect(inside).toEqual([0, 1]);
    leave(1);
    await settle();
    expect(inside).toEqual([0, 1, 2]);
    leave(0);
    await settle();
    expect(inside).toEqual([0, 1, 2, 3]);
  });

  it("gives a place away only once, however often it is given back", async () => {
    const { inside, leave } = await visitors(3, 1);
    leave(0);
    leave(0);
    await settle();
    expect(inside).toEqual([0, 1]);
  });
});
