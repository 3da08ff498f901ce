import { type Alphabet, END } from "./alphabet.ts";
import { ASSERT, OP, type Program, type Step, takesRune } from "./program.ts";
import { rangesOf } from "./runes.ts";

/** What stood before: the start of the text, a line break, a word character or another one. */
export const KIND = { start: 0, lineBreak: 1, word: 2, other: 3 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** What a character makes of a state. */
interface Move {
  /** Steps reached; anchored: the preferred first, else ascending. */
  readonly steps: readonly number[];
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
  /** By class: what its characters make of these steps, once that was asked. */
  readonly moves: (Move | undefined)[];
}

// First steps that take so many characters or fewer are listed by class: an alternation of a
// thousand words has a thousand of them, of which a character leads to a few.
const MAX_LISTED = 64;
const MAX_STEPS = 0x1_0000;

/**
 * Follows compiled patterns through a text, all alternatives at once. `anchored`: the matches of one
 * pattern that start where it starts, in the order in which Perl would try them; `unanchored`: every
 * match of any of them that starts anywhere.
 */
export class Simulation {
  readonly hasAssertions: boolean;
  readonly isAnchored: boolean;
  /** Where `anchored` starts. */
  readonly starts: readonly number[];
  readonly #alphabet: Alphabet;
  readonly #steps: readonly Step[];
  readonly #ops: Uint8Array;
  readonly #out: Int32Array;
  /** Of a fork the other way, of an assertion what it asserts. */
  readonly #arg: Int32Array;
  /** By step: the bit of its pattern. */
  readonly #patterns: Int32Array;
  /** By step that takes a character, then by class: whether it takes it. Equal steps share theirs. */
  readonly #takes: readonly (Uint8Array | undefined)[];
  readonly #entrances = new Map<number, Entrance>();
  // By step: the last walk that came by, and the last move that reached it.
  readonly #walked: Uint32Array;
  readonly #reached: Uint32Array;
  #turn = 0;
  /** By step: a bit, none of which is left set. */
  readonly #bits: Int32Array;
  /** What a walk has still to come by. */
  readonly #open: number[] = [];

  constructor(programs: readonly Program[], mode: "anchored" | "unanchored", alphabet: Alphabet) {
    this.isAnchored = mode === "anchored";
    this.#alphabet = alphabet;
    this.#steps = programs.flatMap(({ steps }) => steps);
    this.hasAssertions = this.#steps.some(({ op }) => op === OP.assert);
    const count = this.#steps.length;
    // A state's key holds the numbers of its steps as characters.
    if (count > MAX_STEPS) throw new RangeError(`patterns of ${count} steps, at most ${MAX_STEPS}`);
    this.#ops = Uint8Array.from(this.#steps, ({ op }) => op);
    this.#out = new Int32Array(count);
    this.#arg = new Int32Array(count);
    this.#patterns = new Int32Array(count);
    this.#takes = takesOf(this.#steps, alphabet.size);
    this.#walked = new Uint32Array(count);
    this.#reached = new Uint32Array(count);
    this.#bits = new Int32Array(Math.ceil(count / 32));
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
    this.starts = starts;
  }

  /** Bits of the patterns that these steps belong to. */
  patternsOf(steps: readonly number[]): number {
    return steps.reduce((bits, pc) => bits | (this.#patterns[pc] ?? 0), 0);
  }

  /** The kind of a class of characters. */
  kindOf(cls: number): Kind {
    return kindOf(this.#alphabet.runes[cls] ?? -1);
  }

  /** What a character of a class makes of steps reached behind one of a kind. */
  move(steps: readonly number[], kind: Kind, cls: number): Move {
    const next = cls === END ? undefined : this.kindOf(cls);
    const holds = this.hasAssertions ? assertionsAt(kind, next) : 0;
    const isOpening = this.isAnchored && steps === this.starts;
    if (isOpening) return this.#moveFrom(this.#entrance(holds), cls);
    this.#turn++;
    const walk = this.#walkFrom(steps, holds);
    const own = this.#reachedFrom(walk.steps, cls);
    if (this.isAnchored) return { steps: own, matched: walk.matched, visits: walk.visits };
    const entered = this.#moveFrom(this.#entrance(holds), cls);
    return {
      steps: own.length === 0 ? entered.steps : this.#inOrder(own, entered.steps),
      matched: walk.matched | entered.matched,
      visits: walk.visits + entered.visits,
    };
  }

  /** Where steps lead to that take the characters of a class, each once. */
  #reachedFrom(steps: readonly number[], cls: number): number[] {
    const reached: number[] = [];
    this.#turn++;
    for (let i = 0; i < steps.length; i++) {
      const pc = steps[i] ?? 0;
      if (!this.#isTaken(pc, cls)) continue;
      const out = this.#out[pc] ?? 0;
      if (this.#reached[out] === this.#turn) continue;
      this.#reached[out] = this.#turn;
      reached.push(out);
    }
    return reached;
  }

  /** All of these steps, each once, ascending. */
  #inOrder(...lists: readonly (readonly number[])[]): readonly number[] {
    // Bits in a row are read in order, which is cheaper than sorting.
    const bits = this.#bits;
    for (const list of lists) {
      for (let i = 0; i < list.length; i++) {
        const pc = list[i] ?? 0;
        bits[pc >>> 5] = (bits[pc >>> 5] ?? 0) | (1 << (pc & 31));
      }
    }
    const steps: number[] = [];
    for (let word = 0; word < bits.length; word++) {
      for (let rest = bits[word] ?? 0; rest !== 0; rest &= rest - 1) {
        steps.push(word * 32 + 31 - Math.clz32(rest & -rest));
      }
      bits[word] = 0;
    }
    return steps;
  }

  /** Whether a step takes the characters of a class. */
  #isTaken(pc: number, cls: number): boolean {
    const takes = this.#takes[pc];
    if (!takes || cls === END) return false;
    if (takes[cls] === TAKES.unknown) {
      const rune = this.#alphabet.runes[cls] ?? -1;
      takes[cls] = this.#steps[pc]?.matchRune(rune) ? TAKES.yes : TAKES.no;
    }
    return takes[cls] === TAKES.yes;
  }

  /** The steps that take a character and can come next, in order. */
  #walkFrom(from: readonly number[], holds: number): Move {
    const steps: number[] = [];
    const open = this.#open;
    open.length = 0;
    for (let i = from.length - 1; i >= 0; i--) open.push(from[i] ?? 0);
    let matched = 0;
    let visits = 0;
    for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
      if (this.#walked[pc] === this.#turn) continue;
      this.#walked[pc] = this.#turn;
      visits++;
      const op = this.#ops[pc] ?? 0;
      const out = this.#out[pc] ?? 0;
      if (op === OP.match) {
        matched |= this.#patterns[pc] ?? 0;
        // What comes later in the order would lose against this match.
        if (this.isAnchored) break;
      } else if (op === OP.assert) {
        if (((this.#arg[pc] ?? 0) & ~holds) === 0) open.push(out);
      } else if (op === OP.alt || op === OP.altMatch) open.push(this.#arg[pc] ?? 0, out);
      else if (op === OP.capture || op === OP.nop) open.push(out);
      else if (this.#takes[pc]) steps.push(pc);
    }
    return { steps, matched, visits };
  }

  /** What a character makes of the first steps, worked out once. */
  #moveFrom(entrance: Entrance, cls: number): Move {
    const known = entrance.moves[cls];
    if (known) return known;
    const listed = entrance.byClass.get(cls) ?? [];
    const places = [...listed, ...entrance.wide].sort((a, b) => a - b);
    const reached = this.#reachedFrom(
      places.map((place) => entrance.steps[place] ?? 0),
      cls,
    );
    const steps = this.isAnchored ? reached : this.#inOrder(reached);
    const move = { steps, matched: entrance.matched, visits: places.length };
    entrance.moves[cls] = move;
    return move;
  }

  #entrance(holds: number): Entrance {
    const known = this.#entrances.get(holds);
    if (known) return known;
    this.#turn++;
    const { steps, matched } = this.#walkFrom(this.starts, holds);
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
    const entrance = { steps, matched, byClass, wide, moves: [] };
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

const takesOf = (steps: readonly Step[], size: number): (Uint8Array | undefined)[] => {
  const known = new Map<unknown, Uint8Array>();
  return steps.map((step) => {
    if (!takesRune(step)) return undefined;
    // Copies of a repeated step share their list of characters.
    const isList = step.op === OP.rune && step.runes.length > 1;
    const key = isList ? step.runes : `${step.op} ${step.arg} ${step.runes[0]}`;
    const takes = known.get(key) ?? new Uint8Array(size);
    known.set(key, takes);
    return takes;
  });
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
