/** Asks a text at many places for words that stand before them. */
export interface WordsBefore {
  /** What stands right before an offset, in lower case. */
  at(start: number): string;
  /** Whether such words do. Most texts have none anywhere, which is asked once. */
  has(words: RegExp, start: number): boolean;
}

const UNITS = 40;

// A word's end, or that of all words, is also where the number starts, which only `at` tells.
const ANCHORS = /\\b|\$/g;
const unanchored = new Map<RegExp, RegExp>();

const withoutAnchors = (words: RegExp): RegExp => {
  const known = unanchored.get(words) ?? new RegExp(words.source.replaceAll(ANCHORS, ""));
  unanchored.set(words, known);
  return known;
};

/** @param text folded */
export const createWordsBefore = (text: string): WordsBefore => {
  const anywhere = new Map<RegExp, boolean>();
  let inLowerCase: string | undefined;
  const at = (start: number): string => text.slice(Math.max(0, start - UNITS), start).toLowerCase();
  return {
    at,
    has: (words, start) => {
      let isAnywhere = anywhere.get(words);
      if (isAnywhere === undefined) {
        inLowerCase ??= text.toLowerCase();
        isAnywhere = withoutAnchors(words).test(inLowerCase);
        anywhere.set(words, isAnywhere);
      }
      return isAnywhere && words.test(at(start));
    },
  };
};
