import { RE2JS, RE2JSException } from "re2js";

/** One step of a compiled regular expression, as RE2 numbers them. */
export interface Step {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  /** A single character, or pairs of first and last; sorted. */
  readonly runes: ArrayLike<number>;
  matchRune(rune: number): boolean;
}

/** A compiled regular expression: steps that lead from `start` to a match. */
export interface Program {
  readonly start: number;
  readonly steps: readonly Step[];
}

/** What a step does. @see https://github.com/le0pard/re2js */
export const OP = {
  alt: 1,
  altMatch: 2,
  capture: 3,
  assert: 4,
  match: 6,
  nop: 7,
  rune: 8,
  rune1: 9,
  anyNotNewline: 11,
} as const;

/** Bits of an assertion's `arg`. */
export const ASSERT = {
  beginLine: 1,
  endLine: 2,
  beginText: 4,
  endText: 8,
  wordBoundary: 16,
  noWordBoundary: 32,
} as const;

/** Whether a step takes one character. */
export const takesRune = ({ op }: Step): boolean => op >= OP.rune && op <= OP.anyNotNewline;

/** Whether a step ignores case. */
export const foldsCase = ({ arg }: Step): boolean => (arg & 1) !== 0;

/** Compiles a pattern; undefined when it is more than RE2 can express. */
export const compileProgram = (pattern: string): Program | undefined => {
  try {
    const { prog } = RE2JS.compile(pattern).re2();
    return { start: prog.start, steps: prog.inst };
  } catch (cause) {
    if (cause instanceof RE2JSException) return undefined;
    throw cause;
  }
};

/** Steps that can come next without taking a character, assertions taken as true. */
export const reachable = (program: Program, from: number, without = -1): ReadonlySet<number> => {
  const seen = new Set<number>();
  const open = [from];
  for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
    const step = program.steps[pc];
    if (!step || seen.has(pc) || pc === without) continue;
    seen.add(pc);
    if (takesRune(step) || step.op === OP.match) continue;
    open.push(step.out);
    if (step.op === OP.alt || step.op === OP.altMatch) open.push(step.arg);
  }
  return seen;
};
