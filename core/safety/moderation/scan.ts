import { type FoldedText, fold } from "../fold.ts";
import { isAccent } from "../fold-table.ts";
import { scratch } from "../scratch.ts";
import type { Cover } from "./cover.ts";
import { KIND } from "./kinds.ts";
import { isDigit, letterOfDigit, ONE, undecidedSigns } from "./leet.ts";
import { MAX_REACH, READING, READS } from "./letter-row.ts";
import { Letters } from "./letters.ts";
import { ACTIONS, type Action, type Lexicon } from "./lexicon.ts";
import { LookBack } from "./look-back.ts";
import { undecidedMarkup } from "./markup.ts";
import { PinyinScan } from "./pinyin-scan.ts";

/** A term in a text: UTF-16 units `[start, end)` of the original. */
export interface Hit {
  readonly id: string;
  readonly action: Action;
  readonly start: number;
  readonly end: number;
}

/** What a text comes to: its strongest action, and where each term stands. */
export interface Verdict {
  readonly action: Action;
  /**
   * By start, then end. Every term that stands in the text is among them, and together they cover
   * all that was found; a term inside a longer one is not repeated, and overlapping hits of one
   * term are one.
   */
  readonly hits: readonly Hit[];
}

const LETTER_I = 0x69;
const LETTER_L = 0x6c;

/** Looks for the terms of a lexicon in a text that may come in pieces. */
export class Scan {
  readonly #lexicon: Lexicon;
  readonly #letters: Letters;
  readonly #cover: Cover | undefined;
  readonly #lookBack: LookBack;
  readonly #pinyin: PinyinScan | undefined;
  #done = 0;
  // The text as it is, and without its disguises: digits and signs read as letters, the 1 as i and as l,
  // and markup away. While nothing of this is near, all three are the same state.
  #plain = 0;
  #asI = 0;
  #asL = 0;
  #offset = 0;
  #carry = "";
  readonly #terms: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  // By term: the index of its last hit. Of a hundred thousand terms few are in a text.
  readonly #lastHit = new Map<number, number>();
  // States whose words, and all that end with them, have been found together before.
  readonly #reported = new Set<number>();
  #strongest = 0;

  /**
   * @param letters of no text; whoever lends them gets them back with what is in this one
   * @param cover gets what each hit covers, again where a hit becomes longer
   */
  constructor(lexicon: Lexicon, letters = new Letters(), cover?: Cover) {
    this.#lexicon = lexicon;
    this.#letters = letters;
    this.#cover = cover;
    this.#lookBack = new LookBack(letters);
    const found = (term: number, start: number, end: number) => this.#add(term, start, end);
    this.#pinyin = lexicon.pinyin && new PinyinScan(lexicon.pinyin, found);
  }

  /** The next piece of the text. */
  push(piece: string): void {
    scratch.during(() => this.#push(piece));
  }

  #push(piece: string): void {
    const text = this.#carry + piece;
    const cut = wholeCharacters(text);
    const folded = fold(cut === text.length ? text : text.slice(0, cut));
    const open = Math.min(undecidedSigns(folded), undecidedMarkup(folded));
    const taken = folded.starts[open] ?? cut;
    this.#carry = text.slice(taken);
    this.#take(open === folded.units.length ? folded : before(folded, open), taken);
    this.#search(this.#letters.settled);
    this.#done -= this.#letters.trim();
  }

  /** The end of the text. */
  finish(): Verdict {
    if (this.#carry !== "") {
      scratch.during(() => this.#take(fold(this.#carry), this.#carry.length));
    }
    this.#carry = "";
    this.#letters.finish();
    this.#search(this.#letters.length);
    return this.verdict();
  }

  /** The strongest action so far. */
  get action(): Action {
    return ACTIONS[this.#strongest] ?? "block";
  }

  /** What was found so far. */
  verdict(): Verdict {
    const { ids, actions } = this.#lexicon;
    const hits = this.#terms.map((term, at) => ({
      id: ids.at(term),
      action: ACTIONS[actions[term] ?? 0] ?? "block",
      start: this.#starts[at] ?? 0,
      end: this.#ends[at] ?? 0,
    }));
    hits.sort((one, other) => one.start - other.start || one.end - other.end);
    return { action: this.action, hits };
  }

  /** What lies before this offset can no longer become part of a hit. */
  get settledUntil(): number {
    const first = Math.min(
      this.#openFrom(this.#plain, READING.plain),
      this.#openFrom(this.#asI, READING.asI),
      this.#openFrom(this.#asL, READING.asL),
    );
    const start = first < this.#letters.length ? (this.#letters.starts[first] ?? 0) : this.#offset;
    return Math.min(start, this.#pinyin?.openFrom(this.#letters, this.#done) ?? start);
  }

  #openFrom(state: number, reading: number): number {
    const depth = this.#lexicon.words.depthOf(state);
    const first = this.#letters.startOf(this.#done, depth, reading);
    if (first < 0) return Math.max(0, this.#done - MAX_REACH);
    return this.#letters.startOfStretch(first);
  }

  #take(folded: FoldedText, length: number): void {
    if (length === 0) return;
    this.#letters.push(folded, this.#offset);
    this.#offset += length;
  }

  #search(until: number): void {
    const { words, pinyin } = this.#lexicon;
    const letters = this.#letters;
    const { units, kinds } = letters;
    let [plain, asI, asL] = [this.#plain, this.#asI, this.#asL];
    for (let at = this.#done; at < until; at += 1) {
      const unit = units[at] ?? 0;
      const isOne = plain === asI && plain === asL;
      const letter = letterAt(letters, at, unit);
      if (letter === READS.same) {
        plain = words.step(plain, unit);
        asI = isOne ? plain : words.step(asI, unit);
        asL = isOne ? plain : words.step(asL, unit);
      } else {
        if (kinds[at] !== KIND.sign) plain = words.step(plain, unit);
        if (letter === READS.second) asL = words.step(asL, unit);
        else if (letter !== READS.nothing) {
          asI = words.step(asI, letter === ONE ? LETTER_I : letter);
          asL = words.step(asL, letter === ONE ? LETTER_L : letter);
        }
      }
      const isSign = letter !== READS.same && kinds[at] === KIND.sign;
      if (!isSign && words.emitting(plain) !== 0) this.#report(plain, at);
      if (letter !== READS.nothing) {
        if (asI !== plain && words.emitting(asI) !== 0) this.#report(asI, at, READING.asI);
        if (asL !== plain && asL !== asI && words.emitting(asL) !== 0)
          this.#report(asL, at, READING.asL);
      }
      if (pinyin && !isSign) this.#pinyin?.take(letters, at);
    }
    this.#done = Math.max(this.#done, until);
    this.#plain = plain;
    this.#asI = asI;
    this.#asL = asL;
  }

  #report(state: number, at: number, reading: number = READING.plain): void {
    const { words, termOfWord } = this.#lexicon;
    const letters = this.#letters;
    const isUndisguised = reading !== READING.plain;
    if (letters.kinds[at] !== KIND.letter && !this.#endsWord(at, isUndisguised)) return;
    const longest = words.emitting(state);
    // Once known, words inside a longer one add nothing: a row of nested terms stays cheap.
    const isKnown = this.#reported.has(longest);
    let isWhole = true;
    const lookBack = this.#lookBack;
    lookBack.begin(at + 1, reading);
    const mayEndClause = letters.mayEndClause(at);
    for (let s = longest; s !== 0; s = words.shorter(s)) {
      const nearest = lookBack.startOf(words.depthOf(s));
      const first = letters.startOfStretch(nearest);
      const isCut = letters.kinds[first] !== KIND.letter && !letters.isBoundaryBefore(first);
      const isRead = first >= 0 && !isCut && (!isUndisguised || lookBack.isReadable(first));
      if (!isRead || (mayEndClause && lookBack.hasClauseEnd(first))) {
        isWhole = false;
        continue;
      }
      const [start, end] = [letters.starts[first] ?? 0, letters.ends[at] ?? 0];
      for (let word = words.firstWord(s); word >= 0; word = words.nextWord(word)) {
        this.#add(termOfWord[word] ?? 0, start, end);
      }
      if (isKnown) return;
    }
    if (isWhole) this.#reported.add(longest);
  }

  #endsWord(at: number, isUndisguised: boolean): boolean {
    const letters = this.#letters;
    const kind = letters.kinds[at];
    if (!isUndisguised || letters.readsAt(at) === READS.same) return letters.isBoundaryAfter(at);
    // What is seen of markup stands in its first letter.
    if (kind === KIND.word) return letters.readsAt(at + 1) === READS.nothing;
    // Signs before letters or within a word do not end it.
    return kind === KIND.symbol && letters.isBoundaryAfter(at);
  }

  #add(term: number, start: number, end: number): void {
    this.#strongest = Math.max(this.#strongest, this.#lexicon.actions[term] ?? 0);
    const last = this.#lastHit.get(term);
    if (last !== undefined && start < (this.#ends[last] ?? 0)) {
      this.#extend(last, start, end);
      return;
    }
    this.#lastHit.set(term, this.#terms.length);
    this.#terms.push(term);
    this.#starts.push(start);
    this.#ends.push(end);
    this.#cover?.add(start, end);
  }

  /** Mostly it lies within the hit: a term that is found at each unit of a run. */
  #extend(hit: number, start: number, end: number): void {
    const from = Math.min(start, this.#starts[hit] ?? 0);
    const to = Math.max(end, this.#ends[hit] ?? 0);
    if (from === this.#starts[hit] && to === this.#ends[hit]) return;
    this.#starts[hit] = from;
    this.#ends[hit] = to;
    this.#cover?.add(from, to);
  }
}

/** What a unit is read as through disguises; READS.same for itself. */
const letterAt = (letters: Letters, at: number, unit: number): number => {
  const letter = letters.readsAt(at);
  return letter === READS.same && isDigit(unit) ? letterOfDigit(letters, at) : letter;
};

/** Its first `end` units; the original stays, for what is asked of it by offset. */
const before = ({ text, original, units, starts, ends }: FoldedText, end: number): FoldedText => ({
  text,
  original,
  units: units.subarray(0, end),
  starts: starts.subarray(0, end),
  ends: ends.subarray(0, end),
});

// Nobody piles more accents on a letter; what does so may be cut anywhere.
const MAX_PILE = 256;

/** How much of a text stays what it is whatever follows: no half pairs, flags or accents to come. */
const wholeCharacters = (text: string): number => {
  for (let cut = text.length; cut > 0 && text.length - cut < MAX_PILE; ) {
    cut -= 1;
    const unit = text.charCodeAt(cut);
    // The rest of it decides what it is, and what it makes of the character before it.
    if (cut === text.length - 1 && (unit & 0xfc00) === 0xd800) continue;
    const isLow = (unit & 0xfc00) === 0xdc00;
    const hasHigh = cut > 0 && (text.charCodeAt(cut - 1) & 0xfc00) === 0xd800;
    if (isLow && hasHigh) cut -= 1;
    const code = text.codePointAt(cut) ?? 0;
    if ((code >= 0x1f1e6 && code <= 0x1f1ff) || isAccent(code)) continue;
    return cut;
  }
  return text.length <= MAX_PILE ? 0 : text.length;
};

// What one text needed serves the next, some 2 MB at most; that of longer ones is not kept.
let spare: Letters | undefined;
const MAX_SPARE = 128 * 1024;

/** Looks for the terms of a lexicon in a whole text. */
export const moderate = (text: string, lexicon: Lexicon): Verdict => {
  const letters = spare ?? new Letters();
  spare = undefined;
  const scan = new Scan(lexicon, letters);
  scan.push(text);
  const verdict = scan.finish();
  letters.clear();
  if (text.length <= MAX_SPARE) spare = letters;
  return verdict;
};
