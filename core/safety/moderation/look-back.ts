import { isDigit, isReadable } from "./leet.ts";
import { GAP, type LetterRow, MAX_REACH, READING, READS } from "./letter-row.ts";

const SPACE = 0x20;

/**
 * Looks at the words that end in one place of a text, the longest first. Sixty may: what is counted in one
 * is not counted again in the next, which starts a little further on.
 */
export class LookBack {
  readonly #letters: LetterRow;
  #end = 0;
  #reading: number = READING.plain;
  /** The oldest unit that is read, of those that were looked at, and how many are from there on; -1 for not yet known. */
  #oldest = 0;
  #read = -1;
  // Of the units behind the first, and of those from the other on.
  #clauseFirst = 0;
  #marks = 0;
  #lettersFirst = 0;
  #digits = 0;
  #others = 0;

  constructor(letters: LetterRow) {
    this.#letters = letters;
  }

  /** The words end before a unit. */
  begin(end: number, reading: number): void {
    this.#end = end;
    this.#reading = reading;
    this.#read = -1;
    this.#clauseFirst = end - 1;
    this.#marks = 0;
    this.#lettersFirst = end;
    this.#digits = 0;
    this.#others = 0;
  }

  /**
   * Where the last `count` units begin, fewer from one time to the next; -1 when that is further back
   * than any word may begin.
   */
  startOf(count: number): number {
    const letters = this.#letters;
    if (this.#end - count > letters.lastDisguised) return this.#end - count;
    if (this.#read < 0) this.#goBack(count);
    if (count > this.#read) return -1;
    while (this.#read > count) {
      this.#oldest += 1;
      if (!letters.isLeftOut(this.#oldest, this.#reading)) this.#read -= 1;
    }
    return this.#oldest;
  }

  #goBack(count: number): void {
    const letters = this.#letters;
    this.#read = 0;
    const until = Math.max(0, this.#end - MAX_REACH);
    for (let at = this.#end - 1; at >= until && this.#read < count; at -= 1) {
      if (letters.isLeftOut(at, this.#reading)) continue;
      this.#read += 1;
      this.#oldest = at;
    }
  }

  /**
   * Whether a clause ends between the letters of the word that starts there. Where such a mark stands
   * between all of three letters and more it only separates them: `高，利，贷`.
   */
  hasClauseEnd(first: number): boolean {
    const { gaps } = this.#letters;
    const last = this.#end - 1;
    let [at, marks] = [this.#clauseFirst, this.#marks];
    for (; at > first; at -= 1) if (gaps[at] === GAP.clause) marks += 1;
    for (; at < first; at += 1) if (gaps[at + 1] === GAP.clause) marks -= 1;
    this.#clauseFirst = at;
    this.#marks = marks;
    return marks > 0 && (marks === 1 || marks < last - first);
  }

  /** The same as `isReadable`, of the word that starts there. */
  isReadable(first: number): boolean {
    this.#countFrom(first);
    return isReadable(this.#letters, first, this.#digits, this.#others);
  }

  #countFrom(first: number): void {
    while (this.#lettersFirst > first) this.#count(--this.#lettersFirst, 1);
    while (this.#lettersFirst < first) this.#count(this.#lettersFirst++, -1);
  }

  #count(at: number, by: number): void {
    const letters = this.#letters;
    const reads = letters.readsAt(at);
    if (reads === READS.nothing) return;
    const unit = letters.units[at] ?? 0;
    // The digits of a character reference stand for another character.
    if (reads === READS.same && isDigit(unit)) this.#digits += by;
    else if (unit !== SPACE) this.#others += by;
  }
}
