import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDlp } from "../../../core/safety/dlp/dlp.ts";
import { createLexicon } from "../../../core/safety/moderation/lexicon.ts";
import { createModeration } from "../../../core/safety/moderation/moderation.ts";
import { scratch } from "../../../core/safety/scratch.ts";

const MIB = 1024 * 1024;

/** The memory that arrays lie in. */
const blockOf = (...arrays: readonly ArrayBufferView[]) =>
  new Set(arrays.map(({ buffer }) => buffer));

describe("scratch memory", () => {
  it("is one block for all arrays, which do not overlap", () => {
    scratch.during(() => {
      const [bytes, units, offsets] = [scratch.uint8(3), scratch.uint16(5), scratch.uint32(7)];
      expect(blockOf(bytes, units, offsets).size).toBe(1);
      bytes.fill(1);
      units.fill(2);
      offsets.fill(3);
      expect([...bytes, ...units, ...offsets]).toEqual([
        ...Array(3).fill(1), ...Array(5).fill(2), ...Array(7).fill(3),
      ]); // biome-ignore format: one list
    });
  });

  it("serves the next text, wiped, even after one that failed", () => {
    let first = new Uint16Array();
    const work = () => {
      first = scratch.uint16(100).fill(0xffff);
      throw new Error("a fault");
    };
    expect(() => scratch.during(work)).toThrow("a fault");
    expect(first.every((unit) => unit === 0)).toBe(true);
    scratch.during(() => expect(blockOf(scratch.uint16(100))).toEqual(blockOf(first)));
  });

  it("is not taken back from a text while another one is looked at", () => {
    scratch.during(() => {
      const units = scratch.uint16(100).fill(7);
      scratch.during(() => scratch.uint16(100).fill(9));
      scratch.uint16(100).fill(9);
      expect(units.every((unit) => unit === 7)).toBe(true);
    });
  });

  it("is not where arrays lie that nobody takes back, or that are too long", () => {
    const outside = scratch.uint8(100);
    scratch.during(() => {
      const long = scratch.uint32(8 * MIB);
      const inside = scratch.uint8(100);
      expect(blockOf(outside, long, inside).size).toBe(3);
      expect(long).toHaveLength(8 * MIB);
    });
  });
});

const dlp = createDlp({
  rules: [{ name: "project", pattern: "(?i)project\\s+\\w+", action: "redact" }],
});
const moderation = createModeration([
  createLexicon([{ id: "drug", term: "毒品", action: "mask", pinyin: true }], "test"),
]);
const inspect = (text: string) => [dlp.inspect(text), moderation.inspect(text)];

// Of what is found, and what makes detectors fold, count digits, read numerals and paint overlaps.
const PIECES = [
  "4111 1111 1111 1111", "４１１１", "一三八〇〇一三八〇〇〇", "1 2 ", "O1l0 ", "a@b.cc", " project Falcon", "EMP",
  "%41", "&#64;", "\u200b", "毒品", "d\u00fa pin", "毒 - 品", "<b>", "é", "🎉", " ", "，", "\n",
]; // biome-ignore format: one list
const hostile = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((all) => all.join(""));

describe("texts one after another", () => {
  it("allocate next to no memory for arrays, though long", () => {
    for (const piece of PIECES) {
      const text = piece.repeat(Math.ceil((100 * 1024) / Buffer.byteLength(piece)));
      // The collector may take something back meanwhile, but hardly each time.
      const allocated = Array.from({ length: 5 }, () => {
        const before = process.memoryUsage().arrayBuffers;
        inspect(text);
        return process.memoryUsage().arrayBuffers - before;
      }).slice(1);
      expect(Math.max(...allocated), piece).toBeLessThan(MIB / 8);
    }
  });

  it("are judged as if there were no others, before them or between their pieces", () => {
    fc.assert(
      fc.property(hostile, hostile, fc.integer({ min: 1, max: 9 }), (one, other, size) => {
        const [own, others] = [inspect(one), inspect(other)];
        inspect(other.repeat(20));
        expect(inspect(one)).toEqual(own);
        const texts = [one, other].map((text) => ({
          text,
          data: dlp.stream(),
          terms: moderation.stream(),
        }));
        for (let at = 0; at < Math.max(one.length, other.length); at += size) {
          for (const { text, data, terms } of texts) {
            data.push(text.slice(at, at + size));
            terms.push(text.slice(at, at + size));
          }
        }
        const verdicts = texts.map(({ data, terms }) => {
          data.end();
          return [data.verdict(), terms.finish().verdicts[0]];
        });
        expect(verdicts).toEqual([own, others]);
      }),
    );
  });
});
