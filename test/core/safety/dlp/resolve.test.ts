import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveOverlaps } from "../../../../core/safety/dlp/resolve.ts";

// Later in the alphabet, stronger.
const rankOf = (type: string): number => type.charCodeAt(0);
type Found = readonly [type: string, start: number, end: number];
const resolve = (found: readonly Found[]): readonly Found[] => {
  const spans = new Map<string, number[]>();
  for (const [type, start, end] of found) {
    spans.set(type, [...(spans.get(type) ?? []), start, end]);
  }
  return resolveOverlaps(spans, rankOf).map(({ type, start, end }) => [type, start, end] as const);
};

describe("findings that overlap", () => {
  it("leave to the weaker one what the stronger one does not cover", () => {
    expect(
      resolve([
        ["b", 2, 4],
        ["a", 0, 6],
      ]),
    ).toEqual([
      ["a", 0, 2],
      ["b", 2, 4],
      ["a", 4, 6],
    ]);
  });

  it("stay apart when they only touch, and become one when another bridges them", () => {
    const two = [
      ["b", 0, 2],
      ["b", 2, 4],
    ] as const;
    expect(resolve(two)).toEqual(two);
    expect(resolve([...two, ["a", 1, 3]])).toEqual([["b", 0, 4]]);
  });

  it("give every unit to the strongest finding that covers it, and no other unit to any", () => {
    const finding = fc.tuple(
      fc.constantFrom("a", "b", "c"),
      fc.nat({ max: 30 }),
      fc.nat({ max: 9 }),
    );
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 12 }), (drawn) => {
        const found = drawn.map(([type, start, length]) => [type, start, start + length] as const);
        const resolved = resolve(found);
        for (let at = 0; at < 40; at++) {
          const covering = (all: ReturnType<typeof resolve>) =>
            all.filter(([, start, end]) => start <= at && end > at).map(([type]) => type);
          const strongest = covering(found).sort().slice(-1);
          expect(covering(resolved)).toEqual(strongest);
        }
        const starts = resolved.map(([, start]) => start);
        expect(starts).toEqual([...starts].sort((a, b) => Number(a) - Number(b)));
      }),
    );
  });
});
