import type { FoldedText } from "../fold.ts";
import { KIND, kinds } from "./kinds.ts";

/** The unit that stands for the end of a sentence; no term holds it but for the dot of an abbreviation. */
export const BORDER = 0;
const SPACE = 0x20;

/** What lay between a letter and the one before it, beside what became a unit of its own. */
export const GAP = { none: 0, skipped: 1 } as const;

/** Where in its line a gap has come to. */
const PLACE = { within: 0, lineStart: 1, bullet: 2 } as const;
// With a space behind them they begin an item of a list, which is a sentence of its own.
const BULLETS = [..."-*+•‣◦▪▫●○■□"].map((char) => char.charCodeAt(0));

// Longer rows of visible separators are a line drawn through the page.
const MAX_SEPARATORS = 32;
// As much of the past as the longest word needs, and one more for its boundary.
const KEPT = 300;

/**
 * What is left of a folded text when everything is skipped that people put between the letters of a
 * term: Han characters move together across spaces, dots and emoji, `h.e-r*o` becomes `hero`, and so
 * do letters that are spelled one by one, `h e r o`. Between Latin words one space stays, so that
 * `the rapist` and `therapist` remain two things. The end of a sentence becomes a BORDER.
 *
 * Fed in pieces it gives what it gives for the whole.
 */
export class Letters {
  units = new Uint16Array(0);
  /** Offsets in the original text. */
  starts = new Uint32Array(0);
  ends = new Uint32Array(0);
  kinds = new Uint8Array(0);
  gaps = new Uint8Array(0);
  /** 1 for a letter that was written as a Latin capital; of KIND.word only. */
  capitals = new Uint8Array(0);
  length = 0;

  readonly #kindOf = kinds();
  #lastKind: number = KIND.separator;
  #lettersInLine = 0;
  /** Letters of the last word between spaces. */
  #wordLength = 0;
  /** The unit before the last one is a space that goes if the last word stays a single letter. */
  #isSpaceOpen = false;

  #hasGap = false;
  #separators = 0;
  #hasSpace = false;
  #lineBreaks = 0;
  #place: number = PLACE.within;
  #hasMark = false;
  #hasDot = false;

  /** Takes the next piece; `base` is its offset in the original text. */
  push({ text, units, starts, ends }: FoldedText, base: number): void {
    // A border or a space takes the place of what was skipped, so there are no more units than these.
    this.#reserve(units.length + 2);
    const table = this.#kindOf;
    for (let at = 0; at < units.length; at += 1) {
      const unit = units[at] ?? 0;
      let kind = table[unit] ?? 0;
      let isPair = false;
      if ((unit & 0xfc00) === 0xd800) {
        const low = units[at + 1] ?? 0;
        isPair = (low & 0xfc00) === 0xdc00;
        if (isPair) kind = this.#kindOfPair(unit, low);
      }
      if (kind === KIND.symbol) {
        const isInWord = this.#lastKind === KIND.word && !this.#hasGap;
        if (!isInWord) kind = KIND.separator;
      }
      const start = (starts[at] ?? 0) + base;
      const end = (ends[at] ?? 0) + base;
      if (kind === KIND.word || kind === KIND.letter || kind === KIND.symbol) {
        this.#addLetter(unit, kind, start, end);
        if (kind === KIND.word) {
          this.capitals[this.length - 1] = isCapital(text.charCodeAt(start - base)) ? 1 : 0;
        }
        if (isPair) this.#append(units[at + 1] ?? 0, kind, GAP.none, start, end);
      } else {
        this.#addGap(kind, unit);
      }
      if (isPair) at += 1;
    }
  }

  /** How many units are final, with what stands behind them known. */
  get settled(): number {
    return Math.max(0, this.length - (this.#isSpaceOpen ? 2 : 1));
  }

  /** No more pieces: all units are final. */
  finish(): void {
    this.#closeWord();
  }

  /** Begins again with another text. */
  clear(): void {
    this.length = 0;
    this.#lastKind = KIND.separator;
    this.#lettersInLine = 0;
    this.#startWord(false);
    this.#forgetGap();
  }

  /** Whether a word may begin at a letter: none of the same word stands right before it. */
  isBoundaryBefore(at: number): boolean {
    return at === 0 || this.gaps[at] !== GAP.none || this.kinds[at - 1] !== KIND.word;
  }

  /** Whether a word may end with a letter. */
  isBoundaryAfter(at: number): boolean {
    const next = at + 1;
    return next >= this.length || this.gaps[next] !== GAP.none || this.kinds[next] !== KIND.word;
  }

  /** The unit that follows with nothing skipped before it; BORDER for none. */
  unitAfter(at: number): number {
    const next = at + 1;
    return next < this.length && this.gaps[next] === GAP.none
      ? (this.units[next] ?? BORDER)
      : BORDER;
  }

  /** Forgets old units once there are many; the number forgotten. */
  trim(): number {
    const dropped = this.length - KEPT;
    if (dropped < 2 * KEPT) return 0;
    const { units, starts, ends, kinds, gaps, capitals } = this;
    for (const column of [units, starts, ends, kinds, gaps, capitals]) {
      column.copyWithin(0, dropped, this.length);
    }
    this.length = KEPT;
    return dropped;
  }

  #kindOfPair(high: number, low: number): number {
    const code = ((high & 0x3ff) << 10) + (low & 0x3ff) + 0x10000;
    if (code < 0x20000) return this.#kindOf[code] ?? 0;
    return code < 0xe0000 ? KIND.letter : KIND.separator;
  }

  #addGap(kind: number, unit: number): void {
    this.#hasGap = true;
    if (kind === KIND.space || kind === KIND.lineBreak) {
      // `J. R. R.` are initials, `毒. 品` are two sentences, `毒 . 品` is neither.
      const isInitial = this.#lastKind === KIND.word && this.#wordLength === 1;
      if (this.#hasDot && !isInitial) this.#hasMark = true;
      this.#hasSpace = true;
      if (kind === KIND.lineBreak) {
        this.#lineBreaks += 1;
        this.#place = PLACE.lineStart;
      } else if (this.#place === PLACE.bullet) this.#hasMark = true;
      return;
    }
    const isBullet = this.#place === PLACE.lineStart && BULLETS.includes(unit);
    this.#place = isBullet ? PLACE.bullet : PLACE.within;
    if (kind === KIND.mark) this.#hasMark = true;
    else {
      this.#separators += 1;
      if (kind === KIND.dot && !this.#hasSpace) this.#hasDot = true;
    }
  }

  #addLetter(unit: number, kind: number, start: number, end: number): void {
    let gap: number = GAP.none;
    if (this.#hasGap) {
      gap = GAP.skipped;
      this.#crossGap(kind, start);
    } else if (kind === KIND.letter) {
      this.#closeWord();
    }
    if (kind === KIND.letter) this.#wordLength = 0;
    else {
      if (this.#lastKind === KIND.letter) this.#startWord(false);
      this.#wordLength += 1;
      if (this.#wordLength > 1) this.#isSpaceOpen = false;
    }
    this.#lettersInLine += 1;
    this.#lastKind = kind;
    this.#append(unit, kind, gap, start, end);
  }

  #crossGap(kind: number, start: number): void {
    const isBetweenWords = this.#lastKind !== KIND.letter && kind !== KIND.letter;
    // Text that runs downwards has one letter in each line; other lines end what they say, but for
    // words that go on in the next one.
    const mayEnd = isBetweenWords ? this.#lineBreaks > 1 : this.#lineBreaks > 0;
    const endsLine = mayEnd && this.#lettersInLine > 1;
    if (kind === KIND.letter) this.#closeWord();
    if (this.#hasMark || endsLine || this.#separators > MAX_SEPARATORS) {
      this.#closeWord();
      this.#append(BORDER, KIND.separator, GAP.skipped, start, start);
      this.#startWord(false);
    } else if (isBetweenWords && this.#hasSpace && this.length > 0) {
      this.#closeWord();
      const isAfterSingle = this.#wordLength === 1;
      this.#append(SPACE, KIND.space, GAP.none, this.ends[this.length - 1] ?? start, start);
      this.#startWord(isAfterSingle);
    }
    if (this.#lineBreaks > 0) this.#lettersInLine = 0;
    this.#forgetGap();
  }

  #forgetGap(): void {
    this.#hasGap = false;
    this.#separators = 0;
    this.#hasSpace = false;
    this.#lineBreaks = 0;
    this.#place = PLACE.within;
    this.#hasMark = false;
    this.#hasDot = false;
  }

  #startWord(isSpaceOpen: boolean): void {
    this.#wordLength = 0;
    this.#isSpaceOpen = isSpaceOpen;
  }

  /** The word is whole: two single letters in a row were spelled, so their space was skipped. */
  #closeWord(): void {
    if (!this.#isSpaceOpen || this.#wordLength !== 1) return;
    this.#isSpaceOpen = false;
    const from = this.length - 1;
    const capital = this.capitals[from] ?? 0;
    this.length -= 2;
    this.#append(
      this.units[from] ?? 0,
      this.kinds[from] ?? 0,
      GAP.skipped,
      this.starts[from] ?? 0,
      this.ends[from] ?? 0,
    );
    this.capitals[this.length - 1] = capital;
  }

  #append(unit: number, kind: number, gap: number, start: number, end: number): void {
    const at = this.length;
    this.units[at] = unit;
    this.kinds[at] = kind;
    this.gaps[at] = gap;
    this.starts[at] = start;
    this.ends[at] = end;
    this.length = at + 1;
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.units.length) return;
    const size = Math.max(needed, this.units.length * 2);
    this.units = grown(this.units, new Uint16Array(size));
    this.starts = grown(this.starts, new Uint32Array(size));
    this.ends = grown(this.ends, new Uint32Array(size));
    this.kinds = grown(this.kinds, new Uint8Array(size));
    this.gaps = grown(this.gaps, new Uint8Array(size));
    this.capitals = grown(this.capitals, new Uint8Array(size));
  }
}

/** Of ASCII or full width. */
const isCapital = (unit: number): boolean =>
  (unit >= 0x41 && unit <= 0x5a) || (unit >= 0xff21 && unit <= 0xff3a);

const grown = <T extends Uint8Array | Uint16Array | Uint32Array>(from: T, into: T): T => {
  into.set(from);
  return into;
};
