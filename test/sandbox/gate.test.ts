import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createGate } from "../../sandbox/gate.ts";

/** Enters once per name, `key` or `key.number`, and notes in which order the places were given. */
const visitors = async (names: readonly string[], places: number, placesPerKey = places) => {
  const gate = createGate(places, placesPerKey);
  const signal = new AbortController().signal;
  const inside: string[] = [];
  const leaves = new Map<string, () => void>();
  for (const name of names) {
    gate.enter(name.split(".")[0] ?? "", signal).then((leave) => {
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

  it("keeps a place free of a tenant that holds its share, and gives it to the next one", async () => {
    const { inside, leave } = await visitors(["a.0", "a.1", "a.2", "b.0", "a.3"], 3, 2);
    expect(inside).toEqual(["a.0", "a.1", "b.0"]);
    await leave("b.0");
    expect(inside).toEqual(["a.0", "a.1", "b.0"]);
    await leave("a.0");
    expect(inside).toEqual(["a.0", "a.1", "b.0", "a.2"]);
  });

  it("lets one give up while it waits, and passes its turn on", async () => {
    const gate = createGate(1, 1);
    const { signal } = new AbortController();
    const leave = await gate.enter("a", signal);
    const impatient = new AbortController();
    const refused = gate.enter("a", impatient.signal);
    const next = gate.enter("a", signal);
    expect(gate.waiting()).toBe(2);
    impatient.abort(new Error("gave up"));
    await expect(refused).rejects.toThrow("gave up");
    expect(gate.waiting()).toBe(1);
    leave();
    (await next)();
    expect(gate.waiting()).toBe(0);
    await expect(gate.enter("a", impatient.signal)).rejects.toThrow("gave up");
  });

  it("never lets in more than it may, and everyone in the end", async () => {
    const arrivals = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        arrivals,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        async (keys, places, placesPerKey) => {
          const gate = createGate(places, placesPerKey);
          const inside: string[] = [];
          let most = 0;
          let mostOfOne = 0;
          await Promise.all(
            keys.map(async (key) => {
              const leave = await gate.enter(key, new AbortController().signal);
              inside.push(key);
              most = Math.max(most, inside.length);
              mostOfOne = Math.max(mostOfOne, inside.filter((other) => other === key).length);
              await settle();
              inside.splice(inside.indexOf(key), 1);
              leave();
            }),
          );
          expect(most).toBeLessThanOrEqual(places);
          expect(mostOfOne).toBeLessThanOrEqual(placesPerKey);
        },
      ),
      { numRuns: 60 },
    );
  });
});
