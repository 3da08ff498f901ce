import { type Alphabet, END } from "./alphabet.ts";
import { ASSERT, OP, type Program, type Step, takesRune } from "./program.ts";
import { rangesOf } from "./runes.ts";
import type { Steps } from "./states.ts";

/** What stood before: the start of the text, a line break, a word character or another one. */
export const KIND = { start: 0, lineBreak: 1, word: 2, other: 3 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** What a character makes of a state; where it leads to stands in `reached`. */
interface Move {
  /** How many steps it leads to. */
  readonly count: number;
  /** Bits of the patterns of which a match ends before the character. */
  readonly matched: number;
  /** How many steps were looked at. */
  readonly visits: number;
}

/** Where the patterns begin: their first steps in order of preference. */
interface Entrance {
  readonly steps: readonly number[];
  /** Bits of the patterns that match the empty text. */
  readonly matched: number;
  /** Places in `steps` of those that take the characters of a class; of the others. */
  readonly byClass: ReadonlyMap<number, readonly number[]>;
  readonly wide: readonly number[];
  /** By class: where its characters lead from these steps, once that was asked. */
  readonly ways: (Way | undefined)[];
}

interface Way {
  readonly steps: readonly number[];
  /** How many steps were looked at. */
  readonly visits: number;
}

// First steps that take so many characters or fewer are listed by class: an alternation of a
// thousand words has a thousand of them, of which a character leads to a few.
const MAX_LISTED = 64;

/**
 * Follows compiled patterns through a text, all alternatives at once. `anchored`: the matches of one
 * pattern that start where it starts, in the order in which Perl would try them; `unanchored`: every
 * match of any of them that starts anywhere.
 */
export class Simulation {
  readonly hasAssertions: boolean;
  readonly isAnchored: boolean;
  /** Where `anchored` starts. */
  readonly starts: Steps;
  /** Where the last move led to, each step once; anchored: the preferred first, else ascending. */
  readonly reached: Int32Array;
  readonly #alphabet: Alphabet;
  readonly #steps: readonly Step[];
  readonly #ops: Uint8Array;
  readonly #out: Int32Array;
  /** Of a fork the other way, of an assertion what it asserts. */
  readonly #arg: Int32Array;
  /** By step: the bit of its pattern. */
  readonly #patterns: Int32Array;
  readonly #takes: Takes;
  readonly #entrances = new Map<number, Entrance>();
  // By step: the last walk that came by, and the last one that reached it.
  readonly #walked: Uint32Array;
  readonly #ended: Uint32Array;
  #walk = 0;
  /** By step: a bit, none of which is left set. */
  readonly #bits: Int32Array;
  // What a walk has still to come by, and what it found.
  readonly #open: Int32Array;
  readonly #found: Int32Array;

  constructor(programs: readonly Program[], mode: "anchored" | "unanchored", alphabet: Alphabet) {
    this.isAnchored = mode === "anchored";
    this.#alphabet = alphabet;
    this.#steps = programs.flatMap(({ steps }) => steps);
    this.hasAssertions = this.#steps.some(({ op }) => op === OP.assert);
    const count = this.#steps.length;
    this.#ops = Uint8Array.from(this.#steps, ({ op }) => op);
    this.#out = new Int32Array(count);
    this.#arg = new Int32Array(count);
    this.#patterns = new Int32Array(count);
    this.#takes = takesOf(this.#steps, alphabet);
    this.#walked = new Uint32Array(count);
    this.#ended = new Uint32Array(count);
    this.#bits = new Int32Array(Math.ceil(count / 32));
    // A walk begins with each step at most once, and each has at most two behind it.
    this.#open = new Int32Array(count * 3);
    this.#found = new Int32Array(count);
    this.reached = new Int32Array(count);
    const starts: number[] = [];
    let first = 0;
    for (const [index, { start, steps }] of programs.entries()) {
      starts.push(first + start);
      for (const [at, { op, out, arg }] of steps.entries()) {
        this.#out[first + at] = first + out;
        this.#arg[first + at] = op === OP.assert ? arg : first + arg;
        this.#patterns[first + at] = 1 << index;
      }
      first += steps.length;
    }
    this.starts = { list: Int32Array.from(starts), from: 0, to: starts.length };
  }

  /** Bits of the patterns that these steps belong to. */
  patternsOf({ list, from, to }: Steps): number {
    let bits = 0;
    for (let at = from; at < to; at++) bits |= this.#patterns[list[at] ?? 0] ?? 0;
    return bits;
  }

  /** The kind of a class of characters. */
  kindOf(cls: number): Kind {
    return kindOf(this.#alphabet.runes[cls] ?? -1);
  }

  /** What a character of a class makes of steps reached behind one of a kind. */
  move(steps: Steps, kind: Kind, cls: number): Move {
    const next = cls === END ? undefined : this.kindOf(cls);
    const holds = this.hasAssertions ? assertionsAt(kind, next) : 0;
    if (this.isAnchored && !this.#areStarts(steps)) {
      const { count, matched, visits } = this.#walkFrom(steps, holds);
      return { count: this.#follow(count, cls), matched, visits };
    }
    const entrance = this.#entrance(holds);
    const way = this.#wayFrom(entrance, cls);
    if (this.isAnchored) {
      this.reached.set(way.steps);
      return { count: way.steps.length, matched: entrance.matched, visits: way.visits };
    }
    const walk = this.#walkFrom(steps, holds);
    return {
      count: this.#followInOrder(walk.count, cls, way.steps),
      matched: walk.matched | entrance.matched,
      visits: walk.visits + way.visits,
    };
  }

  #areStarts({ list, from, to }: Steps): boolean {
    const { starts } = this;
    return to - from === starts.to && starts.list.every((pc, at) => list[from + at] === pc);
  }

  /** How many steps follow those that a walk found and that take the characters of a class. */
  #follow(found: number, cls: number): number {
    let count = 0;
    for (let i = 0; i < found; i++) {
      const pc = this.#found[i] ?? 0;
      const out = this.#out[pc] ?? 0;
      if (this.#ended[out] === this.#walk || !this.#isTaken(pc, cls)) continue;
      this.#ended[out] = this.#walk;
      this.reached[count++] = out;
    }
    return count;
  }

  /** The same with others added, all in ascending order. */
  #followInOrder(found: number, cls: number, others: readonly number[]): number {
    // Bits in a row are read in order, which is cheaper than sorting.
    const bits = this.#bits;
    let first = bits.length;
    let last = -1;
    const add = (pc: number): void => {
      const word = pc >>> 5;
      bits[word] = (bits[word] ?? 0) | (1 << (pc & 31));
      first = Math.min(first, word);
      last = Math.max(last, word);
    };
    for (let i = 0; i < found; i++) {
      const pc = this.#found[i] ?? 0;
      if (this.#isTaken(pc, cls)) add(this.#out[pc] ?? 0);
    }
    for (let i = 0; i < others.length; i++) add(others[i] ?? 0);
    let count = 0;
    for (let word = first; word <= last; word++) {
      for (let rest = bits[word] ?? 0; rest !== 0; rest &= rest - 1) {
        this.reached[count++] = word * 32 + 31 - Math.clz32(rest & -rest);
      }
      bits[word] = 0;
    }
    return count;
  }

  /** Whether a step takes the characters of a class. */
  #isTaken(pc: number, cls: number): boolean {
    const { rows, table } = this.#takes;
    if (cls === END) return false;
    const row = rows[pc] ?? 0;
    if (row < 0) return cls === ~row;
    const at = row + cls;
    if (table[at] === TAKES.unknown) {
      const rune = this.#alphabet.runes[cls] ?? -1;
      table[at] = this.#steps[pc]?.matchRune(rune) ? TAKES.yes : TAKES.no;
    }
    return table[at] === TAKES.yes;
  }

  /** Finds the steps that take a character and can come next, in order. `count` is how many. */
  #walkFrom({ list, from, to }: Steps, holds: number): Move {
    const walk = ++this.#walk;
    const [open, walked, ops] = [this.#open, this.#walked, this.#ops];
    let last = 0;
    for (let at = to - 1; at >= from; at--) open[last++] = list[at] ?? 0;
    let count = 0;
    let matched = 0;
    let visits = 0;
    while (last > 0) {
      const pc = open[--last] ?? 0;
      if (walked[pc] === walk) continue;
      walked[pc] = walk;
      visits++;
      const op = ops[pc] ?? 0;
      const out = this.#out[pc] ?? 0;
      if (op === OP.match) {
        matched |= this.#patterns[pc] ?? 0;
        // What comes later in the order would lose against this match.
        if (this.isAnchored) break;
      } else if (op === OP.assert) {
        if (((this.#arg[pc] ?? 0) & ~holds) === 0) open[last++] = out;
      } else if (op === OP.alt || op === OP.altMatch) {
        open[last++] = this.#arg[pc] ?? 0;
        open[last++] = out;
      } else if (op === OP.capture || op === OP.nop) open[last++] = out;
      else if (op >= OP.rune && op <= OP.anyNotNewline) this.#found[count++] = pc;
    }
    return { count, matched, visits };
  }

  /** Where a character leads from the first steps, worked out once. */
  #wayFrom(entrance: Entrance, cls: number): Way {
    const known = entrance.ways[cls];
    if (known) return known;
    const listed = entrance.byClass.get(cls) ?? [];
    const places = [...listed, ...entrance.wide].sort((a, b) => a - b);
    const reached = new Set<number>();
    for (const place of places) {
      const pc = entrance.steps[place] ?? 0;
      if (this.#isTaken(pc, cls)) reached.add(this.#out[pc] ?? 0);
    }
    const steps = [...reached];
    const way = {
      steps: this.isAnchored ? steps : steps.sort((a, b) => a - b),
      visits: places.length,
    };
    entrance.ways[cls] = way;
    return way;
  }

  #entrance(holds: number): Entrance {
    const known = this.#entrances.get(holds);
    if (known) return known;
    const { count, matched } = this.#walkFrom(this.starts, holds);
    const steps = [...this.#found.subarray(0, count)];
    const byClass = new Map<number, number[]>();
    const wide: number[] = [];
    for (const [place, pc] of steps.entries()) {
      const step = this.#steps[pc];
      const classes = step && this.#classesOf(step);
      if (!classes) wide.push(place);
      else
        for (const cls of classes) {
          const listed = byClass.get(cls);
          if (listed) listed.push(place);
          else byClass.set(cls, [place]);
        }
    }
    const entrance = { steps, matched, byClass, wide, ways: [] };
    this.#entrances.set(holds, entrance);
    return entrance;
  }

  /** The classes that a step takes; undefined when there are too many to list. */
  #classesOf(step: Step): ReadonlySet<number> | undefined {
    const ranges = rangesOf(step);
    const classes = new Set<number>();
    let count = 0;
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      const [first = 0, last = 0] = [ranges[i], ranges[i + 1]];
      count += last - first + 1;
      if (count > MAX_LISTED) return undefined;
      for (let rune = first; rune <= last; rune++) classes.add(this.#alphabet.classOf(rune));
    }
    return classes;
  }
}

const TAKES = { unknown: 0, yes: 1, no: 2 } as const;

/** By step and class whether the step takes it. */
interface Takes {
  /**
   * By step that takes characters: its row of the table, which equal steps share. Where it takes a
   * single one, `~` of that one's class: a row for each letter of a thousand words would be megabytes.
   */
  readonly rows: Int32Array;
  readonly table: Uint8Array;
}

const takesOf = (steps: readonly Step[], { size, classOf }: Alphabet): Takes => {
  const known = new Map<unknown, number>();
  const rows = Int32Array.from(steps, (step) => {
    if (!takesRune(step)) return 0;
    const ranges = rangesOf(step);
    const [first = -1, last] = [ranges[0], ranges[1]];
    if (ranges.length === 2 && first === last) return ~classOf(first);
    // Copies of a repeated step share their list of characters.
    const isList = step.op === OP.rune && step.runes.length > 1;
    const key = isList ? step.runes : `${step.op} ${step.arg} ${step.runes[0]}`;
    const row = known.get(key) ?? known.size * size;
    known.set(key, row);
    return row;
  });
  return { rows, table: new Uint8Array(known.size * size) };
};

const isWord = (rune: number): boolean =>
  (rune >= 97 && rune <= 122) ||
  (rune >= 48 && rune <= 57) ||
  (rune >= 65 && rune <= 90) ||
  rune === 95;

const kindOf = (rune: number): Kind =>
  rune === 10 ? KIND.lineBreak : isWord(rune) ? KIND.word : KIND.other;

const assertionsAt = (before: Kind, after: Kind | undefined): number => {
  const isBoundary = (before === KIND.word) !== (after === KIND.word);
  return (
    (before === KIND.start ? ASSERT.beginText | ASSERT.beginLine : 0) |
    (before === KIND.lineBreak ? ASSERT.beginLine : 0) |
    (after === undefined ? ASSERT.endText | ASSERT.endLine : 0) |
    (after === KIND.lineBreak ? ASSERT.endLine : 0) |
    (isBoundary ? ASSERT.wordBoundary : ASSERT.noWordBoundary)
  );
};
