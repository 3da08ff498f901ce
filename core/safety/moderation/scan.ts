import { fold } from "../fold.ts";
import { isAccent } from "../fold-table.ts";
import { KIND } from "./kinds.ts";
import { GAP, Letters } from "./letters.ts";
import { ACTIONS, type Action, type Lexicon } from "./lexicon.ts";
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

// Digits and signs that are read as letters inside a Latin word; 1 is an i or an l.
const READ_AS = new Uint16Array(0x80);
for (const [from, to] of ["0o", "1i", "3e", "4a", "5s", "7t", "@a", "$s"]) {
  READ_AS[from?.charCodeAt(0) ?? 0] = to?.charCodeAt(0) ?? 0;
}
const ONE = 0x31;
const LETTER_L = 0x6c;
const isLatin = (unit: number | undefined): boolean =>
  unit !== undefined && unit >= 0x61 && unit <= 0x7a;

/** Looks for the terms of a lexicon in a text that may come in pieces. */
export class Scan {
  readonly #lexicon: Lexicon;
  readonly #letters = new Letters();
  readonly #pinyin: PinyinScan | undefined;
  #done = 0;
  // The text as it is, and with digits read as letters, the 1 as i and as l. While no such digit is
  // near, all three are the same state.
  #plain = 0;
  #asI = 0;
  #asL = 0;
  #offset = 0;
  #carry = "";
  readonly #terms: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Hits before this index end before what is still asked for. */
  #live = 0;
  // By term: one more than its last hit's index. Made when the first hit is found.
  #lastHit: Uint32Array | undefined;
  // States whose words, and all that end with them, have been found together before.
  readonly #reported = new Set<number>();
  #strongest = 0;

  constructor(lexicon: Lexicon) {
    this.#lexicon = lexicon;
    const found = (term: number, start: number, end: number) => this.#add(term, start, end);
    this.#pinyin = lexicon.pinyin && new PinyinScan(lexicon.pinyin, found);
  }

  /** The next piece of the text. */
  push(piece: string): void {
    const text = this.#carry + piece;
    const cut = wholeCharacters(text);
    this.#carry = text.slice(cut);
    this.#take(cut === text.length ? text : text.slice(0, cut));
    this.#search(this.#letters.settled);
    this.#done -= this.#letters.trim();
  }

  /** The end of the text. */
  finish(): Verdict {
    this.#take(this.#carry);
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
      id: ids[term] ?? "",
      action: ACTIONS[actions[term] ?? 0] ?? "block",
      start: this.#starts[at] ?? 0,
      end: this.#ends[at] ?? 0,
    }));
    hits.sort((one, other) => one.start - other.start || one.end - other.end);
    return { action: this.action, hits };
  }

  /** Where terms stand that end behind `from`, which never decreases. */
  spansFrom(from: number): readonly { readonly start: number; readonly end: number }[] {
    while (this.#live < this.#ends.length && (this.#ends[this.#live] ?? 0) <= from) this.#live++;
    const spans = [];
    for (let at = this.#live; at < this.#ends.length; at += 1) {
      const end = this.#ends[at] ?? 0;
      if (end > from) spans.push({ start: this.#starts[at] ?? 0, end });
    }
    return spans;
  }

  /** What lies before this offset can no longer become part of a hit. */
  get settledUntil(): number {
    const { words } = this.#lexicon;
    const open = Math.max(...[this.#plain, this.#asI, this.#asL].map((s) => words.depthOf(s)));
    const first = this.#done - open;
    const start = first < this.#letters.length ? (this.#letters.starts[first] ?? 0) : this.#offset;
    return Math.min(start, this.#pinyin?.openFrom(this.#letters, this.#done) ?? start);
  }

  #take(text: string): void {
    if (text === "") return;
    this.#letters.push(fold(text), this.#offset);
    this.#offset += text.length;
  }

  #search(until: number): void {
    const { words, pinyin } = this.#lexicon;
    const letters = this.#letters;
    const { units } = letters;
    let [plain, asI, asL] = [this.#plain, this.#asI, this.#asL];
    for (let at = this.#done; at < until; at += 1) {
      const unit = units[at] ?? 0;
      const isOne = plain === asI && plain === asL;
      const readAs = unit < 0x80 ? (READ_AS[unit] ?? 0) : 0;
      if (readAs !== 0 && isInLatin(letters, at)) {
        asI = words.step(asI, readAs);
        asL = words.step(asL, unit === ONE ? LETTER_L : readAs);
        plain = words.step(plain, unit);
      } else if (isOne) {
        plain = words.step(plain, unit);
        asI = plain;
        asL = plain;
      } else {
        plain = words.step(plain, unit);
        asI = words.step(asI, unit);
        asL = words.step(asL, unit);
      }
      if (words.emitting(plain) !== 0) this.#report(plain, at);
      if (asI !== plain && words.emitting(asI) !== 0) this.#report(asI, at, true);
      if (asL !== plain && asL !== asI && words.emitting(asL) !== 0) this.#report(asL, at, true);
      if (pinyin) this.#pinyin?.take(letters, at);
    }
    this.#done = Math.max(this.#done, until);
    this.#plain = plain;
    this.#asI = asI;
    this.#asL = asL;
  }

  #report(state: number, at: number, isReadAs = false): void {
    const { words, termOfWord } = this.#lexicon;
    const letters = this.#letters;
    if (letters.kinds[at] !== KIND.letter && !letters.isBoundaryAfter(at)) return;
    const longest = words.emitting(state);
    // Once known, words inside a longer one add nothing: a row of nested terms stays cheap.
    const isKnown = this.#reported.has(longest);
    let isWhole = true;
    for (let s = longest; s !== 0; s = words.shorter(s)) {
      const first = at + 1 - words.depthOf(s);
      const isCut = letters.kinds[first] !== KIND.letter && !letters.isBoundaryBefore(first);
      if (isCut || (isReadAs && !isReadable(letters, first, at + 1))) {
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

  #add(term: number, start: number, end: number): void {
    this.#strongest = Math.max(this.#strongest, this.#lexicon.actions[term] ?? 0);
    this.#lastHit ??= new Uint32Array(this.#lexicon.ids.length);
    const last = (this.#lastHit[term] ?? 0) - 1;
    if (last >= 0 && start < (this.#ends[last] ?? 0)) {
      if (start < (this.#starts[last] ?? 0)) this.#starts[last] = start;
      if (end > (this.#ends[last] ?? 0)) this.#ends[last] = end;
      return;
    }
    this.#lastHit[term] = this.#terms.length + 1;
    this.#terms.push(term);
    this.#starts.push(start);
    this.#ends.push(end);
  }
}

/** Whether a digit or sign stands in a word with a Latin letter right beside it. */
const isInLatin = (letters: Letters, at: number): boolean =>
  (letters.gaps[at] === GAP.none && at > 0 && isLatin(letters.units[at - 1])) ||
  isLatin(letters.unitAfter(at));

const MIN_LETTERS = 2;

/** Whether so few digits are read as letters that people read them so too: `h3r01n`, but no `A55`. */
const isReadable = ({ units }: Letters, first: number, end: number): boolean => {
  let [digits, others] = [0, 0];
  for (let at = first; at < end; at += 1) {
    const unit = units[at] ?? 0;
    if (unit >= 0x30 && unit <= 0x39) digits += 1;
    else if (unit !== 0x20) others += 1;
  }
  return digits === 0 || (others >= MIN_LETTERS && others >= digits);
};

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

/** Looks for the terms of a lexicon in a whole text. */
export const moderate = (text: string, lexicon: Lexicon): Verdict => {
  const scan = new Scan(lexicon);
  scan.push(text);
  return scan.finish();
};
