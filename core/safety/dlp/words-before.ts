const UNITS = 40;

/** Asks a text at many places, best from its start to its end, for some words. */
export interface WordsBefore {
  /** Whether such words stand right before an offset. */
  areBefore(end: number): boolean;
}

/** @param text folded, so that in lower case it is as long */
export const createWordsBefore = (text: string): ((words: RegExp) => WordsBefore) => {
  let inLowerCase: string | undefined;
  const lower = () => (inLowerCase ??= text.toLowerCase());
  return (words) => new Places(words, lower);
};

// A word's end, or that of all words, is also where the number starts, which only the last look tells.
const ANCHORS = /\\b|\$/g;
const unanchored = new Map<RegExp, RegExp>();

/** What stands wherever the words do. `g`. */
const withoutAnchors = (words: RegExp): RegExp => {
  const known = unanchored.get(words) ?? new RegExp(words.source.replaceAll(ANCHORS, ""), "g");
  unanchored.set(words, known);
  return known;
};

/** Where some words stand in a text. Most texts have none anywhere, which is asked once. */
class Places implements WordsBefore {
  readonly #words: RegExp;
  readonly #loose: RegExp;
  /** The text in lower case. */
  readonly #text: () => string;
  /** From the one offset on the first match of `#loose` starts at the other. */
  #from = 0;
  #next = -1;
  /** Words stand from here on and end before `#foundBefore`. */
  #found = -1;
  #foundBefore = 0;

  constructor(words: RegExp, text: () => string) {
    this.#words = words;
    this.#loose = withoutAnchors(words);
    this.#text = text;
  }

  areBefore(end: number): boolean {
    const start = Math.max(0, end - UNITS);
    if (this.#nextFrom(start) >= end) return false;
    if (start <= this.#found && this.#foundBefore <= end) return true;
    const match = this.#words.exec(this.#text().slice(start, end));
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
      this.#next = this.#loose.exec(this.#text())?.index ?? Number.POSITIVE_INFINITY;
    }
    return this.#next;
  }
}
