import { KIND } from "./kinds.ts";
import { GAP, type LetterRow } from "./letter-row.ts";
import { type PinyinIndex, runOf } from "./pinyin-index.ts";

// A power of two, longer than any spelling: twelve syllables of at most six letters.
const KEPT = 128;
const isToneDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x35;
const isLatin = (unit: number | undefined): boolean =>
  unit !== undefined && unit >= 0x61 && unit <= 0x7a;

/** How a letter came into the text. */
const FROM = { han: 0, small: 1, capital: 2 } as const;

// Beside characters one Latin letter is hardly ever a syllable (买e卡), and two capitals are an
// abbreviation: 做AI is not 做爱.
const MIN_TYPED = 2;
const MIN_CAPITALS = 3;

/**
 * Looks for terms that are written as pinyin: with tones as accents or digits or without, syllables
 * together or apart (`dúpǐn`, `du2 pin3`, `DuPin`), and for those of which only some characters are
 * (`毒pin`). Tones and spaces may stand between syllables only, so that English words do not run
 * together into one.
 *
 * A Han character is taken as its reading, and must be the term's own, since others that sound alike
 * are no hits. Han is passed by where no term has it beside Latin letters; what turns out to begin a
 * term with the Latin letters behind it is read when these are complete.
 */
export class PinyinScan {
  readonly #index: PinyinIndex;
  readonly #found: (term: number, start: number, end: number) => void;
  readonly #reported = new Set<number>();
  #state = 0;
  #count = 0;
  /** The last slot of a Latin letter. */
  #lastTyped = -1;
  /** The last that was read: a Han character, or the `runOf` the Latin letters in a row. */
  #last = 0;
  /** Han was passed by, and nothing came after it but Latin letters in a row. */
  #hasPassed = false;
  #isApart = true;
  #isAfterLetter = false;
  // By slot, one for each letter of what was read last.
  readonly #starts = new Uint32Array(KEPT);
  readonly #apart = new Uint8Array(KEPT);
  readonly #boundary = new Uint8Array(KEPT);
  readonly #from = new Uint8Array(KEPT);
  /** The Han character whose reading starts there, else 0. */
  readonly #chars = new Uint16Array(KEPT);

  constructor(index: PinyinIndex, found: (term: number, start: number, end: number) => void) {
    this.#index = index;
    this.#found = found;
  }

  /**
   * Where the oldest letters stand that may still become a hit, `next` being the unit after the last
   * one taken; absent = none do.
   */
  openFrom(letters: LetterRow, next: number): number | undefined {
    const open = this.#index.words.depthOf(this.#state);
    const read = open === 0 ? undefined : this.#starts[(this.#count - open) & (KEPT - 1)];
    if (!this.#hasPassed) return read;
    const run = runStart(letters, next);
    const first = this.#firstPassed(letters, run);
    return first === run ? read : letters.starts[first];
  }

  /** Takes the unit at `at`; every unit once, in order, but for those of KIND.sign. */
  take(letters: LetterRow, at: number): void {
    const unit = letters.units[at] ?? 0;
    if (isLatin(unit)) this.#takeLatin(letters, at, unit);
    else if (letters.kinds[at] === KIND.letter) this.#takeHan(letters, at, unit);
    else if (letters.kinds[at] === KIND.space) this.#isApart = true;
    else {
      const isTone = isToneDigit(unit) && this.#isAfterLetter && letters.gaps[at] === GAP.none;
      if (!isTone) this.#state = 0;
      this.#isApart = true;
      this.#isAfterLetter = false;
      this.#hasPassed = false;
    }
  }

  #takeLatin(letters: LetterRow, at: number, unit: number): void {
    const isFirst = this.#isApart || letters.gaps[at] !== GAP.none;
    this.#last = runOf(isFirst ? 0 : this.#last, unit);
    this.#isAfterLetter = true;
    this.#readLatin(letters, at, unit);
    if (!this.#hasPassed && this.#index.words.emitting(this.#state) === 0) return;
    const after = letters.unitAfter(at);
    if (this.#hasPassed && !isLatin(after)) this.#readPassed(letters, at + 1);
    if (this.#index.words.emitting(this.#state) === 0) return;
    if (isToneDigit(after)) this.#report(letters.ends[at + 1] ?? 0);
    else if (letters.isBoundaryAfter(at)) this.#report(letters.ends[at] ?? 0);
  }

  #readLatin(letters: LetterRow, at: number, unit: number): void {
    const isBoundary = this.#isApart || letters.isBoundaryBefore(at);
    const isApart = this.#isApart;
    this.#isApart = false;
    // What does not begin where a word of the text does can be no hit: most letters end here.
    if (this.#state === 0 && !isBoundary) return;
    this.#lastTyped = this.#count;
    const slot = this.#count & (KEPT - 1);
    this.#starts[slot] = letters.starts[at] ?? 0;
    this.#apart[slot] = isApart ? 1 : 0;
    this.#boundary[slot] = isBoundary ? 1 : 0;
    this.#from[slot] = letters.capitals[at] === 1 ? FROM.capital : FROM.small;
    this.#chars[slot] = 0;
    this.#step(unit);
  }

  #takeHan(letters: LetterRow, at: number, unit: number): void {
    this.#isAfterLetter = false;
    this.#isApart = true;
    if (this.#hasTyped && this.#index.neighbours.mayHave(this.#last, unit)) {
      this.#readHan(letters, at, unit);
      if (this.#index.words.emitting(this.#state) !== 0) this.#report(letters.ends[at] ?? 0);
      if (this.#hasTyped) return;
    }
    this.#state = 0;
    this.#hasPassed = true;
  }

  /** Whether what may still become a hit has a Latin letter. */
  get #hasTyped(): boolean {
    if (this.#state === 0) return false;
    return this.#count - this.#index.words.depthOf(this.#state) <= this.#lastTyped;
  }

  /** Reads again what ends before `next`, if a term may have its Latin letters behind Han. */
  #readPassed(letters: LetterRow, next: number): void {
    this.#hasPassed = false;
    const run = runStart(letters, next);
    if (!this.#index.neighbours.mayHave(letters.units[run - 1] ?? 0, this.#last)) return;
    const first = this.#firstPassed(letters, run);
    if (first === run) return;
    this.#state = 0;
    const whole = this.#last;
    for (let at = first; at < run; at += 1) this.#readHan(letters, at, letters.units[at] ?? 0);
    this.#last = whole;
    this.#isApart = true;
    for (let at = run; at < next; at += 1) {
      if (letters.kinds[at] !== KIND.sign) this.#readLatin(letters, at, letters.units[at] ?? 0);
    }
  }

  /** Where the Han characters that end before `next` may begin a term; `next` for nowhere. */
  #firstPassed(letters: LetterRow, next: number): number {
    const { readingOf, neighbours, longest } = this.#index;
    let first = next;
    while (first > 0 && next - first < longest && letters.kinds[first - 1] === KIND.letter) {
      const char = letters.units[first - 1] ?? 0;
      if (readingOf[char] === 0) break;
      if (first < next && !neighbours.mayHave(char, letters.units[first] ?? 0)) break;
      first -= 1;
    }
    return first;
  }

  #readHan(letters: LetterRow, at: number, char: number): void {
    const { readings, readingOf } = this.#index;
    const reading = readings[readingOf[char] ?? 0];
    if (!reading || reading.letters === "") {
      this.#state = 0;
      return;
    }
    const { length } = reading.letters;
    const start = letters.starts[at] ?? 0;
    for (let letter = 0; letter < length; letter += 1) {
      const slot = (this.#count + letter) & (KEPT - 1);
      const isFirst = letter === 0 ? 1 : 0;
      this.#starts[slot] = start;
      this.#apart[slot] = isFirst;
      this.#boundary[slot] = isFirst;
      this.#from[slot] = FROM.han;
      this.#chars[slot] = isFirst * char;
    }
    this.#last = char;
    if (this.#state === 0) {
      this.#count += length;
      this.#state = reading.state;
    } else {
      for (let letter = 0; letter < length; letter += 1) {
        this.#step(reading.letters.charCodeAt(letter));
      }
    }
  }

  /** Goes on with the letter of the next slot, whose columns are set. */
  #step(unit: number): void {
    const { words } = this.#index;
    this.#count += 1;
    let state = words.step(this.#state, unit);
    while (state !== 0 && this.#boundary[(this.#count - words.depthOf(state)) & (KEPT - 1)] === 0) {
      state = words.suffixOf(state);
    }
    this.#state = state;
  }

  #report(end: number): void {
    const { words, termOfWord } = this.#index;
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
        if (isBoundary && this.#isSpelled(first, word)) {
          this.#found(termOfWord[word] ?? 0, this.#starts[first & (KEPT - 1)] ?? 0, end);
        } else isFound = false;
      }
      if (isFound && isKnown) return;
      isWhole &&= isFound;
    }
    if (isWhole) this.#reported.add(longest);
  }

  /** Whether the letters from `first` on, which are a word's, have its syllables. */
  #isSpelled(first: number, word: number): boolean {
    const { syllables, starts } = this.#index;
    const start = starts[word] ?? 0;
    const length = this.#count - first;
    let [hasHan, hasSmall, typed] = [false, false, 0];
    for (let at = 0; at < length; at += 1) {
      const slot = (first + at) & (KEPT - 1);
      const char = this.#chars[slot] ?? 0;
      const own = syllables[start + at] ?? 0;
      if (this.#apart[slot] === 1 && own === 0) return false;
      if (char !== 0 && char !== own) return false;
      const from = this.#from[slot];
      if (from === FROM.han) hasHan = true;
      else typed += 1;
      if (from === FROM.small) hasSmall = true;
    }
    return !hasHan || typed >= (hasSmall ? MIN_TYPED : MIN_CAPITALS);
  }
}

/** Where the row of Latin letters that ends before `next` starts, with signs before it; `next` for none. */
const runStart = (letters: LetterRow, next: number): number => {
  let first = next;
  while (first > 0 && next - first < KEPT && isLatin(letters.units[first - 1])) {
    first -= 1;
    if (letters.gaps[first] !== GAP.none) break;
  }
  while (first > 0 && letters.kinds[first - 1] === KIND.sign) first -= 1;
  return first;
};
