import { isBlank } from "./candidate.ts";

const UNITS = 40;

/** Asks a text at many places, best from its start to its end, for some words. */
export interface WordsBefore {
  /** Whether such words stand before an offset. */
  areBefore(end: number): boolean;
}

/** Words that may stand anywhere in the last units before a place. */
export interface Words {
  readonly all: RegExp;
  /** What stands wherever words of either list do. */
  readonly loose: readonly [RegExp, RegExp];
}

// A word's end, or that of all words, is also where the number starts, which only the last look tells.
const ANCHORS = /\\b|\$/g;

/**
 * Compiles two lists of words. Each is looked for on its own, because V8 leaps to what begins with one of at
 * most 16 characters, capitals counted, and looks at every character of a text for more.
 */
export const compileWords = (chinese: RegExp, english: RegExp): Words => {
  const loose = ({ source }: RegExp) => new RegExp(source.replaceAll(ANCHORS, ""), "gi");
  return {
    all: new RegExp(`${chinese.source}|${english.source}`, "i"),
    loose: [loose(chinese), loose(english)],
  };
};

export const wordsBefore = (words: Words, text: string): WordsBefore => new Places(words, text);

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

/** Where some words stand in a text. Most texts have none anywhere, which is asked once. */
class Places implements WordsBefore {
  readonly #words: RegExp;
  readonly #chinese: Matches;
  readonly #english: Matches;
  readonly #text: string;
  /** Words stand from here on and end before `#foundBefore`. */
  #found = -1;
  #foundBefore = 0;

  constructor({ all, loose: [chinese, english] }: Words, text: string) {
    this.#words = all;
    this.#chinese = new Matches(chinese, text);
    this.#english = new Matches(english, text);
    this.#text = text;
  }

  areBefore(end: number): boolean {
    const start = Math.max(0, end - UNITS);
    if (this.#english.nextFrom(start) >= end && this.#chinese.nextFrom(start) >= end) return false;
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
}

/** Where a pattern matches in a text. */
class Matches {
  readonly #pattern: RegExp;
  readonly #text: string;
  /** From the one offset on the first match starts at the other. */
  #from = 0;
  #next = -1;

  constructor(pattern: RegExp, text: string) {
    this.#pattern = pattern;
    this.#text = text;
  }

  nextFrom(start: number): number {
    if (start < this.#from || start > this.#next) {
      this.#pattern.lastIndex = start;
      this.#from = start;
      this.#next = this.#pattern.exec(this.#text)?.index ?? Number.POSITIVE_INFINITY;
    }
    return this.#next;
  }
}
