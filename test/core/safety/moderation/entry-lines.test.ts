import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJsonc } from "../../../../config/jsonc.ts";
import { linesOfEntries } from "../../../../core/safety/moderation/entry-lines.ts";

describe("the lines of a list's entries", () => {
  it("are those that a whole parser finds, whatever the entries", () => {
    const space = fc.constantFrom("", " ", "\n", "\r\n", "\t\n\n");
    const text = fc.string({ unit: fc.constantFrom(...'[]{},:"\\\n毒'), maxLength: 6 });
    const value = fc.oneof(text, fc.integer(), fc.array(text), fc.dictionary(text, text));
    fc.assert(
      fc.property(fc.array(fc.tuple(space, value, space)), space, (entries, around) => {
        const list = entries.map(
          ([before, entry, after]) => before + JSON.stringify(entry) + after,
        );
        const json = `${around}{${around}"terms":${around}[${list.join(",")}]${around}}${around}`;
        const document = parseJsonc(json);
        fc.pre("lineOf" in document);
        const lines = entries.map((_entry, at) => document.lineOf(["terms", at]));
        expect(linesOfEntries(json)).toEqual(lines);
      }),
      { numRuns: 500 },
    );
  });
});
