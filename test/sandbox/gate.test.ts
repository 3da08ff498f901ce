import { describe, expect, it } from "vitest";
import { createGate } from "../../sandbox/gate.ts";

/** Enters once per name, `key` or `key.number`, and notes in which order the places were given. */
const visitors = async (names: readonly string[], places: number) => {
  const gate = createGate(places);
  const inside: string[] = [];
  const leaves = new Map<string, () => void>();
  for (const name of names) {
    gate.enter(name.split(".")[0] ?? "").then((leave) => {
      inside.push(name);
      leaves.set(name, leave);
    });
  }
  await settle();
  const leave = async (name: string) => {
    leaves.get(name)?.();
    await settle();
  };
  return { inside, leave };
};
const settle = () => new Promise(setImmediate);

describe("the gate before the sandbox", () => {
  it("lets in as many as it has places, and the next when one leaves", async () => {
    const { inside, leave } = await visitors(["a.0", "a.1", "a.2", "a.3"], 2);
    expect(inside).toEqual(["a.0", "a.1"]);
    await leave("a.1");
    expect(inside).toEqual(["a.0", "a.1", "a.2"]);
    await leave("a.0");
    expect(inside).toEqual(["a.0", "a.1", "a.2", "a.3"]);
  });

  it("lets those with different keys take turns, first come first served within a key", async () => {
    const names = ["a.0", "a.1", "a.2", "a.3", "b.0", "c.0", "b.1"];
    const { inside, leave } = await visitors(names, 1);
    for (let place = 0; place < names.length; place++) await leave(inside[place] ?? "");
    expect(inside).toEqual(["a.0", "a.1", "b.0", "c.0", "a.2", "b.1", "a.3"]);
  });

  it("gives a place away only once, however often it is given back", async () => {
    const { inside, leave } = await visitors(["a.0", "a.1", "a.2"], 1);
    await leave("a.0");
    await leave("a.0");
    expect(inside).toEqual(["a.0", "a.1"]);
  });
});
