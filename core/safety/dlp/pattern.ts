import { type Alphabet, type Classes, SECOND_HALF } from "./alphabet.ts";
import { Automaton, Walk } from "./automaton.ts";
import { createMachine } from "./machine.ts";
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
    const machine = createMachine([program], alphabet);
    this.automata = [new Automaton(machine, "unanchored"), new Automaton(machine, "anchored")];
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
  readonly #anywhere: Walk;
  readonly #here: Walk;
  readonly #classes: Classes;
  readonly #meter: Meter;
  readonly #found: number[];
  #tried: number;
  #openMatch: number;
  #looked = 0;

  constructor(
    { automata: [anywhere, here] }: Pattern,
    classes: Classes,
    { from, meter, found }: SearchOptions,
  ) {
    this.#classes = classes;
    this.#meter = meter;
    this.#found = found;
    this.#openMatch = classes.length - 1;
    anywhere.begin();
    here.begin();
    this.#tried = from;
    this.#anywhere = new Walk(anywhere, classes, from, meter);
    this.#here = new Walk(here, classes, from, meter);
  }

  /** How far it has come. */
  get at(): number {
    return this.#anywhere.at;
  }

  /** No match that was not found starts before this offset. */
  get openFrom(): number {
    // No match that is still to be found starts where nothing had begun.
    return Math.max(this.#anywhere.idle, this.#tried);
  }

  /** Once the end is reached: before this offset matches start as they do whatever text follows. */
  get settled(): number {
    return Math.min(this.#openMatch, this.#anywhere.idle);
  }

  /** Where the first match starts that more text could change; the end of the text if there is none. */
  get openMatch(): number {
    return this.#openMatch;
  }

  /** Passes over what is known to hold no match, and no start of one that goes on behind it. */
  skipTo(offset: number): void {
    if (offset <= this.at) return;
    this.#anywhere.moveTo(offset);
    this.#anywhere.idle = offset;
    this.#tried = offset;
  }

  /** Finds the matches that end before the character before `until`, and those that start before them. */
  advance(until: number): void {
    const walk = this.#anywhere;
    const meter = this.#meter;
    let charged = walk.at;
    while (walk.at < until && meter.left >= 0) {
      if (!walk.toMatch(until)) continue;
      meter.left -= walk.at - charged;
      const end = this.#matchBefore(walk.at - 1);
      if (end !== undefined) walk.moveTo(end);
      charged = walk.at;
    }
    meter.left -= Math.max(0, walk.at - charged);
  }

  /** The end of the leftmost match, one that starts before `last`. */
  #matchBefore(last: number): number | undefined {
    for (this.#tried = this.openFrom; this.#tried <= last && this.#meter.left >= 0; this.#tried++) {
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
      this.#anywhere.idle = end;
      return end;
    }
    return undefined;
  }

  /** The end of the match that starts at an offset. */
  #endOf(start: number): number {
    const walk = this.#here;
    walk.moveTo(start);
    const end = walk.toLast();
    this.#looked = walk.at - start;
    if (walk.at === this.#classes.length && this.#looked > 1)
      this.#openMatch = Math.min(this.#openMatch, start);
    return end;
  }
}
