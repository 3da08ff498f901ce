import { type Alphabet, type Classes, SECOND_HALF } from "./alphabet.ts";
import { Automaton, EPOCH_SHIFT, LIVE, MATCHED, ROW } from "./automaton.ts";
import type { Meter } from "./meter.ts";
import type { Program } from "./program.ts";

// What a finding costs beside the steps that lead to it: it is kept, resolved and written down.
const FINDING_COST = 24;
// What a character costs that is looked at from one start only.
const TRIED_COST = 2;

/** Finds the matches of one pattern: Perl's, the leftmost, then the preferred one. */
export class Pattern {
  readonly automata: readonly [anywhere: Automaton, here: Automaton];

  constructor(program: Program, alphabet: Alphabet) {
    this.automata = [
      new Automaton([program], "unanchored", alphabet),
      new Automaton([program], "anchored", alphabet),
    ];
  }
}

interface SearchOptions {
  /** What stands before this offset counts for `\b` and `^` only. */
  readonly from: number;
  readonly meter: Meter;
  /** Gets the start and the end of each match in turn, in order, none empty. */
  readonly found: number[];
}

/** A search for the matches of a pattern in a text, from left to right. */
export class Search {
  readonly #anywhere: Automaton;
  readonly #here: Automaton;
  readonly #classes: Classes;
  readonly #meter: Meter;
  readonly #found: number[];
  #at: number;
  #row: number;
  /** No match that is still to be found starts before this. */
  #idle: number;
  #tried: number;
  #openMatch: number;
  #looked = 0;

  constructor(
    { automata: [anywhere, here] }: Pattern,
    classes: Classes,
    { from, meter, found }: SearchOptions,
  ) {
    this.#anywhere = anywhere;
    this.#here = here;
    this.#classes = classes;
    this.#meter = meter;
    this.#found = found;
    this.#openMatch = classes.length - 1;
    anywhere.begin();
    here.begin();
    this.#at = from;
    this.#idle = from;
    this.#tried = from;
    this.#row = anywhere.rowAt(classes, from);
  }

  /** How far it has come. */
  get at(): number {
    return this.#at;
  }

  /** No match that was not found starts before this offset. */
  get openFrom(): number {
    return Math.max(this.#idle, this.#tried);
  }

  /** Once the end is reached: before this offset matches start as they do whatever text follows. */
  get settled(): number {
    return Math.min(this.#openMatch, this.#idle);
  }

  /** Where the first match starts that more text could change; the end of the text if there is none. */
  get openMatch(): number {
    return this.#openMatch;
  }

  /** Passes over what is known to hold no match, and no start of one that goes on behind it. */
  skipTo(offset: number): void {
    if (offset <= this.#at) return;
    this.#at = offset;
    this.#idle = offset;
    this.#tried = offset;
    this.#row = this.#anywhere.rowAt(this.#classes, offset);
  }

  /** Finds the matches that end before the character before `until`, and those that start before them. */
  advance(until: number): void {
    const [classes, meter, automaton] = [this.#classes, this.#meter, this.#anywhere];
    const { columns, epoch } = automaton;
    let { table } = automaton;
    let row = this.#row;
    let at = this.#at;
    let charged = at;
    while (at < until && meter.left >= 0) {
      if (table[row + LIVE] === 0) this.#idle = at;
      const column = columns[classes[at] ?? 0] ?? 0;
      let next = table[row + column] ?? 0;
      if (next >>> EPOCH_SHIFT !== epoch) {
        next = automaton.enter(row, column, meter);
        table = automaton.table;
      }
      row = next & ROW;
      at++;
      if (table[row + MATCHED] === 0) continue;
      meter.left -= at - charged;
      const end = this.#matchBefore(at - 1);
      if (end !== undefined) {
        at = end;
        row = automaton.rowAt(classes, at);
        table = automaton.table;
      }
      charged = at;
    }
    meter.left -= Math.max(0, at - charged);
    this.#at = at;
    this.#row = row;
  }

  /** The end of the leftmost match, one that starts before `last`. */
  #matchBefore(last: number): number | undefined {
    const from = Math.max(this.#tried, this.#idle);
    for (this.#tried = from; this.#tried <= last && this.#meter.left >= 0; this.#tried++) {
      const start = this.#tried;
      if (this.#classes[start] === SECOND_HALF) continue;
      const end = this.#endOf(start);
      this.#meter.left -= (this.#looked + 1) * TRIED_COST;
      // What was looked at last may not have been followed to its end.
      if (this.#meter.left < 0) return undefined;
      if (end <= start) continue;
      this.#found.push(start, end);
      this.#meter.left -= FINDING_COST;
      this.#tried = end;
      this.#idle = end;
      return end;
    }
    return undefined;
  }

  /** The end of the match that starts at an offset. */
  #endOf(start: number): number {
    const [classes, meter, automaton] = [this.#classes, this.#meter, this.#here];
    const { columns, epoch } = automaton;
    let row = automaton.rowAt(classes, start);
    let { table } = automaton;
    let end = -1;
    let at = start;
    for (; at < classes.length && table[row + LIVE] !== 0; at++) {
      const column = columns[classes[at] ?? 0] ?? 0;
      let next = table[row + column] ?? 0;
      if (next >>> EPOCH_SHIFT !== epoch) {
        next = automaton.enter(row, column, meter);
        table = automaton.table;
      }
      row = next & ROW;
      if (table[row + MATCHED] !== 0) end = at;
    }
    this.#looked = at - start;
    if (at === classes.length && this.#looked > 1)
      this.#openMatch = Math.min(this.#openMatch, start);
    return end;
  }
}
