import { isBlank } from "./candidate.ts";

const UNITS = 40;

/** Asks a text at many places, best from its start to its end, for some words. */
export interface WordsBefore {
  /** Whether such words stand before an offset. */
  areBefore(end: number): boolean;
}

/** For words that may stand anywhere in the last units before it. */
export const wordsBefore = (words: RegExp, text: string): WordsBefore => new Places(words, text);

/**
 * For words that go on right up to it, but for blanks and a few marks; none ends with a digit.
 * @param words `y`, a look back from where it starts
 */
export const wordsUpTo = (words: RegExp, text: string): WordsBefore => ({
  areBefore(end) {
    if (isBehindDigit(text, end)) return false;
    const before = text.slice(Math.max(0, end - UNITS), end);
    words.lastIndex = before.length;
    return words.test(before);
  },
});

const MARKS = new Set([...":#=(\"'/"].map((mark) => mark.charCodeAt(0)));

/** Whether only blanks and such marks stand between a digit and an offset, as in texts full of numbers. */
const isBehindDigit = (text: string, end: number): boolean => {
  let at = end - 1;
  let unit = text.charCodeAt(at);
  while (isBlank(unit) || MARKS.has(unit)) unit = text.charCodeAt(--at);
  return unit >= 0x30 && unit <= 0x39;
};
// A word's end, or that of all words, is also where the number starts, which only the last look tells.
const ANCHORS = /\\b|\$/g;
const unanchored = new Map<RegExp, RegExp>();

/** What stands wherever the words do. `gi`. */
const withoutAnchors = (words: RegExp): RegExp => {
  const known = unanchored.get(words) ?? new RegExp(words.source.replaceAll(ANCHORS, ""), "gi");
  unanchored.set(words, known);
  return known;
};

/** Where some words stand in a text. Most texts have none anywhere, which is asked once. */
class Places implements WordsBefore {
  readonly #words: RegExp;
  readonly #loose: RegExp;
  readonly #text: string;
  /** From the one offset on the first match of `#loose` starts at the other. */
  #from = 0;
  #next = -1;
  /** Words stand from here on and end before `#foundBefore`. */
  #found = -1;
  #foundBefore = 0;

  constructor(words: RegExp, text: string) {
    this.#words = words;
    this.#loose = withoutAnchors(words);
    this.#text = text;
  }

  areBefore(end: number): boolean {
    const start = Math.max(0, end - UNITS);
    if (this.#nextFrom(start) >= end) return false;
    if (start <= this.#found && this.#foundBefore <= end) return true;
    const match = this.#words.exec(this.#text.slice(start, end));
    if (!match) return false;
    const found = start + match.index;
    // What ends with the part that was looked at may end only there.
    if (found + match[0].length < end) {
      this.#found = found;
      this.#foundBefore = end;
    }
    return true;
  }

  #nextFrom(start: number): number {
    if (start < this.#from || start > this.#next) {
      this.#loose.lastIndex = start;
      this.#from = start;
      this.#next = this.#loose.exec(this.#text)?.index ?? Number.POSITIVE_INFINITY;
    }
    return this.#next;
  }
}
