import type { FoldedText } from "../fold.ts";
import { KIND, kinds } from "./kinds.ts";
import { isLatin, leadsWord, letterOfSign } from "./leet.ts";
import { BORDER, GAP, LetterRow, READS } from "./letter-row.ts";
import { type Markup, markupIn } from "./markup.ts";

const SPACE = 0x20;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;

/** Where in its line a gap has come to. */
const PLACE = { within: 0, lineStart: 1, bullet: 2 } as const;
// With a space behind them they begin an item of a list, which is a sentence of its own.
const BULLETS = [..."-*+•‣◦▪▫●○■□"].map((char) => char.charCodeAt(0));

// Of full width they end a clause in Han; in ASCII, like 、 and ：, they are put between any letters.
const CLAUSE_MARKS = [..."，；"].map((char) => char.charCodeAt(0));

// Longer rows of visible separators are a line drawn through the page.
const MAX_SEPARATORS = 32;

/**
 * What is left of a folded text when everything is skipped that people put between the letters of a
 * term: Han characters move together across spaces, dots and emoji, `h.e-r*o` becomes `hero`, and so
 * do letters that are spelled one by one, `h e r o`. Between Latin words one space stays, so that
 * `the rapist` and `therapist` remain two things. The end of a sentence becomes a BORDER.
 *
 * Signs that may be letters and what may be markup are there both ways: `d!ck` has the end of a sentence
 * in it, and `fo<b></b>o` the letters of its tags, but for who reads through disguises.
 *
 * Fed in pieces it gives what it gives for the whole, if neither signs nor markup are cut.
 */
export class Letters extends LetterRow {
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
  #hasClauseMark = false;

  #lettersInMarkup = 0;
  /** A space stood before the markup. */
  #hadSpace = false;
  /** The last that was read was a space, for who reads through disguises. */
  #readsSpace = false;

  /** Takes the next piece; `base` is its offset in the original text. */
  push(folded: FoldedText, base: number): void {
    // A border or a space takes the place of what was skipped, so there are no more units than these.
    this.reserve(folded.units.length + 2);
    let from = 0;
    for (const markup of markupIn(folded)) {
      this.#read(folded, base, from, markup.start);
      this.#readMarkup(folded, base, markup);
      from = markup.end;
    }
    this.#read(folded, base, from, folded.units.length);
  }

  #read(folded: FoldedText, base: number, from: number, until: number, markup?: Markup): void {
    const { original, units, starts, ends } = folded;
    const table = this.#kindOf;
    let afterSign = -1;
    for (let at = from; at < until; at += 1) {
      const unit = units[at] ?? 0;
      let kind = table[unit] ?? 0;
      let isPair = false;
      if ((unit & 0xfc00) === 0xd800) {
        const low = units[at + 1] ?? 0;
        isPair = (low & 0xfc00) === 0xdc00;
        if (isPair) kind = this.#kindOfPair(unit, low);
      }
      const start = (starts[at] ?? 0) + base;
      const end = (ends[at] ?? 0) + base;
      if (kind !== KIND.word && kind !== KIND.letter) {
        const isInWord = !this.#hasGap && isPartOfWord(this.#lastKind);
        const isSign = letterOfSign(unit) !== 0 && !(kind === KIND.symbol && isInWord);
        if (isSign && !markup && leadsWord(folded, at, isInWord || at === afterSign)) {
          const isInside = isInWord || at === afterSign;
          this.#addSign(unit, kind, isInside, start, end);
          if (isInside) afterSign = at + 1;
          continue;
        }
        if (kind === KIND.symbol && !isInWord) kind = KIND.separator;
        if (markup) kind = kindInMarkup(kind);
      }
      if (kind === KIND.word || kind === KIND.letter || kind === KIND.symbol) {
        this.#addLetter(unit, kind, start, end);
        if (kind === KIND.word) {
          this.capitals[this.length - 1] = isCapital(original[start - base] ?? 0) ? 1 : 0;
        } else if (kind === KIND.symbol) this.disguise(letterOfSign(unit));
        if (markup) this.#hideLetter(markup, folded, base);
        else {
          if (this.#readsSpace) this.#readSpaceOnce();
          if (unit === this.units[this.length - 2]) this.#readStretch();
        }
        if (isPair) {
          this.append(units[at + 1] ?? 0, kind, GAP.none, start, end);
          if (markup) this.disguise(READS.nothing);
        }
      } else {
        this.#addGap(kind, unit);
        if (unit === COMMA || unit === SEMICOLON) {
          this.#hasClauseMark ||= CLAUSE_MARKS.includes(original[start - base] ?? 0);
        }
      }
      if (isPair) at += 1;
    }
  }

  #readMarkup(folded: FoldedText, base: number, markup: Markup): void {
    this.#hadSpace = this.#hasSpace;
    this.#lettersInMarkup = 0;
    this.#read(folded, base, markup.start, markup.end, markup);
    if (this.#lettersInMarkup === 0) this.#hasSpace = this.#hadSpace;
    else {
      // A blank before the end of a tag divides nothing.
      this.#forgetGap();
      this.#hasGap = true;
      this.#hasSpace = markup.reads === SPACE;
    }
  }

  /** The last letter is one of a markup, of which the first stands for what is seen of it. */
  #hideLetter({ reads, start, end }: Markup, { starts, ends }: FoldedText, base: number): void {
    const last = this.length - 1;
    const isBehindSpace = this.kinds[last - 1] === KIND.space;
    this.#lettersInMarkup += 1;
    const isFirst = this.#lettersInMarkup === 1;
    const hasSpace = isFirst && isBehindSpace && this.#hadSpace;
    if (isBehindSpace && (!hasSpace || this.#readsSpace)) this.disguise(READS.nothing, last - 1);
    if (isFirst && reads !== SPACE && reads !== READS.nothing) {
      this.disguise(reads);
      this.#readsSpace = false;
      this.starts[last] = (starts[start] ?? 0) + base;
      this.ends[last] = (ends[end - 1] ?? 0) + base;
    } else {
      this.disguise(READS.nothing);
      this.#readsSpace ||= hasSpace;
    }
  }

  /** Who reads through disguises has read a space already before that of the last letter. */
  #readSpaceOnce(): void {
    this.#readsSpace = false;
    const before = this.length - 2;
    if (this.kinds[before] === KIND.space) this.disguise(READS.nothing, before);
  }

  /**
   * Of three equal letters and more in a row, `fuuuck`, who reads through disguises reads the last one, or
   * the last two: `asssss`.
   */
  #readStretch(): void {
    const last = this.length - 1;
    if (!this.#isDouble(last) || !this.#isDouble(last - 1)) return;
    this.disguise(READS.nothing, last - 2);
    this.disguise(READS.second, last - 1);
  }

  /** Whether a letter is the same as the one right before it. */
  #isDouble(at: number): boolean {
    const unit = this.units[at];
    return isLatin(unit) && unit === this.units[at - 1] && this.gaps[at] === GAP.none;
  }

  /** A sign that ends a sentence, or is skipped, but for who reads it as a letter. */
  #addSign(unit: number, kind: number, isInside: boolean, start: number, end: number): void {
    const isMark = kind === KIND.mark;
    if (isMark) this.#hasMark = true;
    if (isMark || this.#hasGap) this.#crossGap(KIND.word, start);
    if (isMark) {
      this.starts[this.length - 1] = start;
      this.ends[this.length - 1] = end;
    } else this.append(unit, KIND.sign, GAP.skipped, start, end);
    if (isInside) this.gaps[this.length - 1] = GAP.none;
    this.disguise(letterOfSign(unit));
    this.#hasGap = true;
  }

  /** How many units are final, with what stands behind them known. */
  get settled(): number {
    const isOpen = this.#isSpaceOpen || this.#isDouble(this.length - 1);
    return Math.max(0, this.length - (isOpen ? 2 : 1));
  }

  /** No more pieces: all units are final. */
  finish(): void {
    this.#closeWord();
  }

  /** Begins again with another text. */
  override clear(): void {
    super.clear();
    this.#lastKind = KIND.separator;
    this.#lettersInLine = 0;
    this.#startWord(false);
    this.#forgetGap();
    this.#readsSpace = false;
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
      gap = this.#hasClauseMark ? GAP.clause : GAP.skipped;
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
    this.append(unit, kind, gap, start, end);
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
      this.append(BORDER, KIND.separator, GAP.skipped, start, start);
      this.#startWord(false);
    } else if (isBetweenWords && this.#hasSpace && this.length > 0) {
      this.#closeWord();
      const isAfterSingle = this.#wordLength === 1;
      this.append(SPACE, KIND.space, GAP.none, this.ends[this.length - 1] ?? start, start);
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
    this.#hasClauseMark = false;
  }

  #startWord(isSpaceOpen: boolean): void {
    this.#wordLength = 0;
    this.#isSpaceOpen = isSpaceOpen;
  }

  /** The word is whole: two single letters in a row were spelled, so their space was skipped. */
  #closeWord(): void {
    if (!this.#isSpaceOpen || this.#wordLength !== 1) return;
    this.#isSpaceOpen = false;
    this.dropBeforeLast();
  }
}

const isPartOfWord = (kind: number): boolean => kind === KIND.word || kind === KIND.symbol;

/** Sentences and paragraphs do not end within markup. */
const kindInMarkup = (kind: number): number => {
  if (kind === KIND.lineBreak) return KIND.space;
  return kind === KIND.mark || kind === KIND.dot ? KIND.separator : kind;
};

/** Of ASCII or full width. */
const isCapital = (unit: number): boolean =>
  (unit >= 0x41 && unit <= 0x5a) || (unit >= 0xff21 && unit <= 0xff3a);
