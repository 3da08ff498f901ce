import { KIND } from "./kinds.ts";
import { GAP, type Letters } from "./letters.ts";
import type { PinyinIndex } from "./lexicon.ts";

// A power of two, longer than any spelling: twelve syllables of at most six letters.
const KEPT = 128;
const isToneDigit = (unit: number | undefined): boolean =>
  unit !== undefined && unit >= 0x30 && unit <= 0x35;
const isLatin = (unit: number): boolean => unit >= 0x61 && unit <= 0x7a;

/**
 * Looks for terms that are written as pinyin: with tones as accents or digits or without, syllables
 * together or apart (`dúpǐn`, `du2 pin3`, `DuPin`). Tones and spaces may stand between syllables
 * only, so that English words do not run together into one.
 */
export class PinyinScan {
  readonly #index: PinyinIndex;
  readonly #found: (term: number, start: number, end: number) => void;
  readonly #reported = new Set<number>();
  #state = 0;
  #count = 0;
  #isApart = true;
  #isAfterLetter = false;
  readonly #starts = new Uint32Array(KEPT);
  readonly #apart = new Uint8Array(KEPT);
  readonly #boundary = new Uint8Array(KEPT);

  constructor(index: PinyinIndex, found: (term: number, start: number, end: number) => void) {
    this.#index = index;
    this.#found = found;
  }

  /** Where the oldest letters stand that may still become a hit; absent = none do. */
  get openFrom(): number | undefined {
    const open = this.#index.words.depthOf(this.#state);
    return open === 0 ? undefined : this.#starts[(this.#count - open) & (KEPT - 1)];
  }

  /** Takes the unit at `at`; every unit once, in order. */
  take(letters: Letters, at: number): void {
    const unit = letters.units[at] ?? 0;
    if (letters.kinds[at] === KIND.space) {
      this.#isApart = true;
      return;
    }
    if (!isLatin(unit)) {
      const isTone = isToneDigit(unit) && this.#isAfterLetter && letters.gaps[at] === GAP.none;
      if (!isTone) this.#state = 0;
      this.#isApart = true;
      this.#isAfterLetter = false;
      return;
    }
    const slot = this.#count & (KEPT - 1);
    this.#starts[slot] = letters.starts[at] ?? 0;
    this.#apart[slot] = this.#isApart ? 1 : 0;
    this.#boundary[slot] = this.#isApart || letters.isBoundaryBefore(at) ? 1 : 0;
    this.#count += 1;
    this.#isApart = false;
    this.#isAfterLetter = true;
    // What does not begin where a word of the text does can be no hit: most letters end here.
    if (this.#state === 0 && this.#boundary[slot] === 0) return;
    const { words } = this.#index;
    let state = words.step(this.#state, unit);
    while (state !== 0 && this.#boundary[(this.#count - words.depthOf(state)) & (KEPT - 1)] === 0) {
      state = words.suffixOf(state);
    }
    this.#state = state;
    if (words.emitting(state) === 0) return;
    const hasTone = letters.gaps[at + 1] === GAP.none && isToneDigit(letters.units[at + 1]);
    if (hasTone || letters.isBoundaryAfter(at)) this.#report(letters.ends[at] ?? 0);
  }

  #report(end: number): void {
    const { words, termOfWord, syllableStarts } = this.#index;
    const longest = words.emitting(this.#state);
    // As in the search for words: what was found inside a longer one before adds nothing.
    const isKnown = this.#reported.has(longest);
    let isWhole = true;
    for (let s = longest; s !== 0; s = words.shorter(s)) {
      const first = this.#count - words.depthOf(s);
      const isBoundary = this.#boundary[first & (KEPT - 1)] === 1;
      let isFound = isBoundary;
      for (let word = words.firstWord(s); word >= 0; word = words.nextWord(word)) {
        // Two terms may share their letters, but not their syllables: xi'an and xian.
        const starts = syllableStarts[word];
        if (isBoundary && starts && this.#isSpelled(first, starts)) {
          this.#found(termOfWord[word] ?? 0, this.#starts[first & (KEPT - 1)] ?? 0, end);
        } else isFound = false;
      }
      if (isFound && isKnown) return;
      isWhole &&= isFound;
    }
    if (isWhole) this.#reported.add(longest);
  }

  #isSpelled(first: number, syllableStarts: Uint8Array): boolean {
    for (let at = 1; at < syllableStarts.length; at += 1) {
      if (this.#apart[(first + at) & (KEPT - 1)] === 1 && syllableStarts[at] === 0) return false;
    }
    return true;
  }
}
