import { type Classes, END, SECOND_HALF } from "./alphabet.ts";
import { IN_ROW, KIND, type Kind, type Machine, ROW_HEAD } from "./machine.ts";
import type { Meter } from "./meter.ts";
import { Simulation } from "./simulation.ts";
import { SparseEntries } from "./sparse-entries.ts";
import { States, type Steps } from "./states.ts";

// None of these is exported: V8 of Node 20 looks an exported constant up at every use, which makes a
// step through a text twice as dear.

// In a row: bits of the patterns of which a match ended before the last character, and of those that
// have begun to match. Then the entries, one for each class.
const MATCHED = 0;
const LIVE = 1;
const HEAD = ROW_HEAD;

// An entry is the row that comes next and, above it, the text that last came by.
const ROW_BITS = 23;
const ROW = (1 << ROW_BITS) - 1;
const LAST_EPOCH = (1 << (32 - ROW_BITS)) - 1;
// Where nothing is left to spend: nothing has begun and nothing matches.
const DEAD_ROW = 0;

// What it costs to work an entry out, and to look at a step for it.
const ENTRY_COST = 100;
const VISIT_COST = 10;
const MAX_VISITS = 0xffff;
// In numbers. What is not used of a large table takes no memory, but each time that it grows all that is
// used is touched anew: beyond the first of these it grows by more, up to the other.
const LARGE = 32 * 1024;
const MOST_ROOM = 2 * 1024 * 1024;

const NO_STEPS: Steps = { list: new Int32Array(0), from: 0, to: 0 };

/**
 * A deterministic automaton over compiled patterns, at most 30 when `unanchored`, built while it
 * runs: a character costs one look-up. A `Walk` goes from `row` with the column `columns[class]` to
 * the entry `table[row + column]`, and asks `enter` where the entry is not of this epoch. Classes for
 * which a row has no room share a column whose entry is never known.
 */
export class Automaton {
  /** By class of the alphabet that texts are read with. */
  readonly columns: Uint16Array;
  table = new Int32Array(0);
  /** Number of the text. */
  epoch = 0;

  readonly #simulation: Simulation;
  readonly #machine: Machine;
  readonly #hasAssertions: boolean;
  /** Of a row. */
  readonly #width: number;
  #states = new States();
  /** How many steps were looked at for the row that was worked out last. */
  #visited = 0;
  readonly #openings: (number | undefined)[] = [];
  /** By entry: how many steps were looked at for it. */
  #visits = new Uint16Array(0);
  /** By state and class, for classes for which a row has no room: the entry, and how many steps were looked at. */
  #rest = new SparseEntries();
  /** By state: the text that last came by. */
  #paid = new Uint16Array(0);

  constructor(machine: Machine, mode: "anchored" | "unanchored") {
    this.#machine = machine;
    this.#hasAssertions = machine.hasAssertions;
    this.#simulation = new Simulation(machine, mode);
    this.#width = HEAD + Math.min(machine.classCount, IN_ROW + 1);
    this.columns = machine.columns;
    this.forget();
  }

  /** How many numbers it holds. */
  get size(): number {
    return this.#tableSize + this.#rest.size;
  }

  get #tableSize(): number {
    return this.#states.count * this.#width;
  }

  /** Forgets what it has built. */
  forget(): void {
    this.#states = new States();
    this.table = new Int32Array(this.#tableSize);
    this.#visits = new Uint16Array(this.#tableSize);
    this.#rest = new SparseEntries();
    this.#paid = new Uint16Array(this.#states.count);
    this.#openings.length = 0;
    this.epoch = 1;
  }

  /** Begins with another text. */
  begin(): void {
    this.epoch++;
    if (this.epoch <= LAST_EPOCH) return;
    for (let row = 0; row < this.#tableSize; row += this.#width) {
      for (let at = row + HEAD; at < row + this.#width; at++) {
        this.table[at] = (this.table[at] ?? 0) & ROW;
      }
    }
    this.#rest.mask(ROW);
    this.#paid.fill(0);
    this.epoch = 1;
  }

  /** The row before the character at an offset. */
  rowAt(classes: Classes, offset: number): number {
    const kind = this.#kindBefore(classes, offset);
    const known = this.#openings[kind];
    if (known !== undefined) return known;
    const { isAnchored, starts } = this.#simulation;
    const row = this.#row(isAnchored ? starts : NO_STEPS, 0, kind);
    this.#openings[kind] = row;
    return row;
  }

  /** The row that follows where a class of texts comes next; once the meter is spent, one where nothing has begun. */
  enter(row: number, cls: number, meter: Meter): number {
    const own = this.#machine.ownClasses[cls] ?? 0;
    if (own >= IN_ROW) return this.#enterRest(row, own, meter);
    if (meter.left < 0 || row === DEAD_ROW) return DEAD_ROW;
    const at = row + HEAD + own;
    let next = (this.table[at] ?? 0) & ROW;
    if (next === DEAD_ROW) {
      next = this.#build(row, own);
      this.#visits[at] = this.#visited;
    }
    this.table[at] = (this.epoch << ROW_BITS) | next;
    this.#charge(next, this.#visits[at] ?? 0, meter);
    return next;
  }

  /** The same for a class for which a row has no room. */
  #enterRest(row: number, own: number, meter: Meter): number {
    if (row === DEAD_ROW) return DEAD_ROW;
    const rest = this.#rest;
    const place = rest.placeOf((row / this.#width) * this.#machine.classCount + own);
    const entry = rest.entryAt(place);
    let next = entry & ROW;
    if (entry >>> ROW_BITS === this.epoch) return next;
    if (meter.left < 0) return DEAD_ROW;
    const isNew = next === DEAD_ROW;
    if (isNew) next = this.#build(row, own);
    const visits = isNew ? this.#visited : rest.visitsAt(place);
    rest.set(place, (this.epoch << ROW_BITS) | next, visits);
    this.#charge(next, visits, meter);
    return next;
  }

  /** Charges for an entry that a text has not come by, and for its row. */
  #charge(row: number, visits: number, meter: Meter): void {
    meter.left -= ENTRY_COST + visits * VISIT_COST;
    const state = row / this.#width;
    if (this.#paid[state] === this.epoch) return;
    this.#paid[state] = this.epoch;
    meter.left -= this.#machine.classCount + HEAD;
  }

  #kindBefore(classes: Classes, offset: number): Kind {
    if (offset === 0 || !this.#hasAssertions) return KIND.start;
    const before = classes[offset - 1] ?? 0;
    const isSecond = before === SECOND_HALF && offset > 1;
    const cls = isSecond ? (classes[offset - 2] ?? 0) : before;
    return this.#kindOf(this.#machine.ownClasses[cls] ?? 0);
  }

  /** The kind of the characters of a class. */
  #kindOf(cls: number): Kind {
    return this.#machine.kinds[cls] as Kind;
  }

  /** The row that follows, worked out. */
  #build(row: number, cls: number): number {
    this.#visited = 0;
    const state = row / this.#width;
    const steps = this.#states.stepsOf(state);
    const kind = this.#states.kindOf(state);
    if (cls === SECOND_HALF) return this.#row(steps, 0, kind);
    const { count, matched, visits } = this.#simulation.move(steps, kind, cls);
    this.#visited = Math.min(visits, MAX_VISITS);
    const reached = { list: this.#simulation.reached, from: 0, to: count };
    const hasKind = this.#hasAssertions && cls !== END;
    return this.#row(reached, matched, hasKind ? this.#kindOf(cls) : KIND.start);
  }

  /** The row of a state. */
  #row(steps: Steps, matched: number, kind: Kind): number {
    const known = this.#states.count;
    const state = this.#states.numberOf(steps, matched, kind);
    const row = state * this.#width;
    if (state < known) return row;
    if (this.#tableSize > this.table.length) {
      const states = this.#states.count + this.#room();
      this.table = grown(this.table, new Int32Array(states * this.#width));
      this.#visits = grown(this.#visits, new Uint16Array(states * this.#width));
      this.#paid = grown(this.#paid, new Uint16Array(states));
    }
    this.table[row + MATCHED] = matched;
    this.table[row + LIVE] = this.#simulation.patternsOf(steps);
    return row;
  }

  /** For how many more states the table makes room when it is full. */
  #room(): number {
    const { count } = this.#states;
    if (this.#tableSize <= LARGE) return count;
    return Math.min(count * 3, Math.ceil(MOST_ROOM / this.#width));
  }
}

const grown = <T extends Int32Array | Uint16Array>(from: T, into: T): T => {
  into.set(from);
  return into;
};

/** An automaton's way through a text, from left to right. */
export class Walk {
  /** The offset that it has come to. */
  at: number;
  /** The automaton's row there. */
  row: number;
  /** Bits of the patterns of which `to` came by a match. */
  matched = 0;
  /** The last offset that `toMatch` came by where nothing had begun to match. */
  idle: number;
  readonly #automaton: Automaton;
  readonly #classes: Classes;
  readonly #meter: Meter;

  constructor(automaton: Automaton, classes: Classes, from: number, meter: Meter) {
    this.#automaton = automaton;
    this.#classes = classes;
    this.#meter = meter;
    this.at = from;
    this.idle = from;
    this.row = automaton.rowAt(classes, from);
  }

  /** Bits of the patterns that have begun to match. */
  get live(): number {
    return this.#automaton.table[this.row + LIVE] ?? 0;
  }

  /** Begins again at another offset. */
  moveTo(offset: number): void {
    this.at = offset;
    this.row = this.#automaton.rowAt(this.#classes, offset);
  }

  /** Goes on up to an offset. */
  to(until: number): void {
    while (!this.#follow(until)) this.matched |= this.#enter();
  }

  /**
   * Goes on up to an offset, unless a match ends before the last character or the meter is spent
   * earlier. Whether one does.
   */
  toMatch(until: number): boolean {
    while (!this.#followToMatch(until)) {
      if (this.#enter() !== 0) return true;
      if (this.#meter.left < 0) return false;
    }
    return this.#automaton.table[this.row + MATCHED] !== 0;
  }

  /** Goes on until nothing has begun to match any more. The end of the last match, or -1. */
  toLast(): number {
    const automaton = this.#automaton;
    const classes = this.#classes;
    const { columns, epoch } = automaton;
    let { table } = automaton;
    let { row, at } = this;
    let end = -1;
    for (; at < classes.length && table[row + LIVE] !== 0; at++) {
      const cls = classes[at] ?? 0;
      let next = table[row + (columns[cls] ?? 0)] ?? 0;
      if (next >>> ROW_BITS !== epoch) {
        next = automaton.enter(row, cls, this.#meter);
        table = automaton.table;
      }
      row = next & ROW;
      if (table[row + MATCHED] !== 0) end = at;
    }
    this.row = row;
    this.at = at;
    return end;
  }

  /** One step that is not known. Bits of the patterns of which it ended a match. */
  #enter(): number {
    const automaton = this.#automaton;
    this.row = automaton.enter(this.row, this.#classes[this.at] ?? 0, this.#meter);
    this.at++;
    return automaton.table[this.row + MATCHED] ?? 0;
  }

  /** Whether all steps up to the offset are known. */
  #follow(until: number): boolean {
    const { table, columns, epoch } = this.#automaton;
    const classes = this.#classes;
    let { row, at, matched } = this;
    let isKnown = true;
    for (; at < until; at++) {
      const entry = table[row + (columns[classes[at] ?? 0] ?? 0)] ?? 0;
      isKnown = entry >>> ROW_BITS === epoch;
      if (!isKnown) break;
      row = entry & ROW;
      matched |= table[row + MATCHED] ?? 0;
    }
    this.row = row;
    this.at = at;
    this.matched = matched;
    return isKnown;
  }

  /** The same up to a match, of one pattern. */
  #followToMatch(until: number): boolean {
    const { table, columns, epoch } = this.#automaton;
    const classes = this.#classes;
    let { row, at, idle } = this;
    let isKnown = true;
    while (at < until) {
      // Where its only bit is not set, idle = at; a branch would be guessed wrong in any other text.
      idle += (at - idle) & ((table[row + LIVE] ?? 0) - 1);
      const entry = table[row + (columns[classes[at] ?? 0] ?? 0)] ?? 0;
      isKnown = entry >>> ROW_BITS === epoch;
      if (!isKnown) break;
      row = entry & ROW;
      at++;
      if (table[row + MATCHED] !== 0) break;
    }
    this.row = row;
    this.at = at;
    this.idle = idle;
    return isKnown;
  }
}
