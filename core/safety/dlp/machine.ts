import { type Alphabet, createAlphabet } from "./alphabet.ts";
import { OP, type Program, type Step, takesRune } from "./program.ts";
import { rangesOf } from "./runes.ts";

/** What stood before: the start of the text, a line break, a word character or another one. */
export const KIND = { start: 0, lineBreak: 1, word: 2, other: 3 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** What a step does; `takeMany` where it takes so many characters that it is not listed by them. */
export const DOES = { fail: 0, go: 1, fork: 2, assert: 3, match: 4, take: 5, takeMany: 6 } as const;

/** How many numbers an automaton's row has in front of its entries. */
export const ROW_HEAD = 2;

/**
 * For how many classes a row has entries of their own, first those of the first characters, as of ASCII; the
 * others share one. A thousand Chinese words tell two thousand apart, and a row with all of these takes five
 * pages of memory, of which a text needs a few numbers.
 */
export const IN_ROW = 128;

/** How many numbers of a machine's `steps` are about one step. */
export const STEP_SIZE = 4;

/**
 * Compiled patterns in plain numbers. A full collection looks at every object, and with one for each step
 * two hundred rules would have as many as all the rest.
 */
export interface Machine {
  /** How many steps there are. */
  readonly count: number;
  /** The patterns' first steps. */
  readonly starts: Int32Array;
  readonly hasAssertions: boolean;
  /** How many classes of characters the patterns tell apart, SECOND_HALF and END among them. */
  readonly classCount: number;
  /** By class of the alphabet that texts are read with: the patterns' own class, and its place in a row. */
  readonly ownClasses: Uint16Array;
  readonly columns: Uint16Array;
  /**
   * For each step what it does, the step behind it, an argument and the bit of its pattern. The argument of
   * a fork is the other step behind it, of an assertion what it asserts. Of what takes characters it is the
   * row of `takes`, which equal steps share, or for those of a single class `~` of that class: a row for
   * each letter of a thousand words would be megabytes.
   */
  readonly steps: Int32Array;
  /** By row and class: 1 where its characters are taken. */
  readonly takes: Uint8Array;
  /** By class: the kind of its characters. */
  readonly kinds: Uint8Array;
}

/** @param texts what texts are read with */
export const createMachine = (programs: readonly Program[], texts: Alphabet): Machine => {
  const all = programs.flatMap(({ steps }) => steps);
  const own = createAlphabet(all);
  const rows: Step[] = [];
  const takings = new Map<unknown, readonly [does: number, argument: number]>();
  const takingOf = (step: Step): readonly [does: number, argument: number] => {
    // Copies of a repeated step share their list of characters.
    const isList = step.op === OP.rune && step.runes.length > 1;
    const key = isList ? step.runes : `${step.op} ${step.arg} ${step.runes[0]}`;
    const known = takings.get(key);
    if (known) return known;
    const ranges = rangesOf(step);
    const [rune = -1, last] = ranges.length === 2 ? [ranges[0], ranges[1]] : [];
    const argument = rune === last ? ~own.classOf(rune) : rows.push(step) - 1;
    const taking = [areMany(ranges) ? DOES.takeMany : DOES.take, argument] as const;
    takings.set(key, taking);
    return taking;
  };
  const steps = new Int32Array(all.length * STEP_SIZE);
  const starts = new Int32Array(programs.length);
  let first = 0;
  for (const [index, program] of programs.entries()) {
    starts[index] = first + program.start;
    for (const [at, step] of program.steps.entries()) {
      const [does, argument] = takesRune(step) ? takingOf(step) : doingOf(step, first);
      steps.set([does, first + step.out, argument, 1 << index], (first + at) * STEP_SIZE);
    }
    first += program.steps.length;
  }
  const takes = new Uint8Array(rows.length * own.size);
  for (const [row, step] of rows.entries()) {
    for (const cls of classesWithin(rangesOf(step), own.runes)) takes[row * own.size + cls] = 1;
  }
  const ownClasses = Uint16Array.from(texts.runes, (rune, cls) =>
    rune < 0 ? cls : own.classOf(rune),
  );
  return {
    count: all.length,
    starts,
    hasAssertions: all.some(({ op }) => op === OP.assert),
    classCount: own.size,
    ownClasses,
    columns: ownClasses.map((cls) => ROW_HEAD + Math.min(cls, IN_ROW)),
    steps,
    takes,
    kinds: Uint8Array.from(own.runes, kindOf),
  };
};

/** What a step does that takes no character, and its argument. */
const doingOf = ({ op, arg }: Step, first: number): readonly [does: number, argument: number] => {
  if (op === OP.alt || op === OP.altMatch) return [DOES.fork, first + arg];
  if (op === OP.assert) return [DOES.assert, arg];
  if (op === OP.match) return [DOES.match, 0];
  return [op === OP.capture || op === OP.nop ? DOES.go : DOES.fail, 0];
};

// First steps that take so many characters or fewer are listed by class: an alternation of a
// thousand words has a thousand of them, of which a character leads to a few.
const MAX_LISTED = 64;

const areMany = (ranges: ArrayLike<number>): boolean => {
  let count = 0;
  for (let i = 0; i + 1 < ranges.length && count <= MAX_LISTED; i += 2) {
    count += (ranges[i + 1] ?? 0) - (ranges[i] ?? 0) + 1;
  }
  return count > MAX_LISTED;
};

/**
 * The classes of characters in these ranges. Each stands by its first one, in the order of these: asking a
 * step for every class takes a quarter of a minute where thousands of steps tell as many apart.
 */
function* classesWithin(ranges: ArrayLike<number>, runes: Int32Array): Generator<number> {
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    const last = ranges[i + 1] ?? 0;
    let cls = firstFrom(runes, ranges[i] ?? 0);
    for (; cls < runes.length && (runes[cls] ?? 0) <= last; cls++) yield cls;
  }
}

/** Where numbers in ascending order reach this one. */
const firstFrom = (ascending: Int32Array, least: number): number => {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) < least) low = middle + 1;
    else high = middle;
  }
  return low;
};

const isWord = (rune: number): boolean =>
  (rune >= 97 && rune <= 122) ||
  (rune >= 48 && rune <= 57) ||
  (rune >= 65 && rune <= 90) ||
  rune === 95;

const kindOf = (rune: number): Kind =>
  rune === 10 ? KIND.lineBreak : isWord(rune) ? KIND.word : KIND.other;
