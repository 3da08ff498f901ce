import { scratch } from "../scratch.ts";
import { type Step, takesRune } from "./program.ts";
import { rangesOf } from "./runes.ts";

/** Class of the second half of a character outside the BMP: it changes nothing. */
export const SECOND_HALF = 0;
/** Class of the place behind the last character. */
export const END = 1;

const MAX_RUNE = 0x10_ffff;
const WORD = [48, 57, 65, 90, 95, 95, 97, 122];
const LINE_BREAK = [10, 10];

/** The characters in classes: those of one class do the same to every step of the patterns. */
export interface Alphabet {
  /** How many classes there are, SECOND_HALF and END among them. */
  readonly size: number;
  /** By class: one of its characters; -1 for SECOND_HALF and END. */
  readonly runes: Int32Array;
  classOf(rune: number): number;
}

/** Finds the classes that these steps tell apart, beside word characters and line breaks. */
export const createAlphabet = (steps: readonly Step[]): Alphabet => {
  // A sum of random numbers stands for the set of those sets that a character is in: two numbers of
  // 32 bits each, so that no two sets have the same.
  const changes = new Map<number, [number, number]>();
  const seen = new Set<string | ArrayLike<number>>();
  let seed = 1;
  const random = (): number => {
    seed = (seed + 0x9e3779b9) | 0;
    const mixed = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
    return Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) | 0;
  };
  const change = (at: number, one: number, other: number): void => {
    const sums = changes.get(at);
    if (!sums) changes.set(at, [one, other]);
    else {
      sums[0] = (sums[0] + one) | 0;
      sums[1] = (sums[1] + other) | 0;
    }
  };
  const add = (ranges: ArrayLike<number>): void => {
    const key = Array.prototype.join.call(ranges);
    if (seen.has(key)) return;
    seen.add(key);
    const [one, other] = [random(), random()];
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      change(ranges[i] ?? 0, one, other);
      change((ranges[i + 1] ?? 0) + 1, -one, -other);
    }
  };
  add(WORD);
  add(LINE_BREAK);
  for (const step of steps) {
    // Copies of a repeated step share their list.
    if (!takesRune(step) || (step.runes.length > 1 && seen.has(step.runes))) continue;
    seen.add(step.runes);
    add(rangesOf(step));
  }
  const starts = [...changes.keys()].filter((at) => at > 0 && at <= MAX_RUNE).sort((a, b) => a - b);
  starts.unshift(0);
  const classes = new Uint16Array(starts.length);
  const known = new Map<string, number>();
  const runes = [-1, -1];
  let [one, other] = [0, 0];
  for (const [i, start] of starts.entries()) {
    const sums = changes.get(start);
    if (sums) [one, other] = [(one + sums[0]) | 0, (other + sums[1]) | 0];
    const key = `${one},${other}`;
    let own = known.get(key);
    if (own === undefined) {
      own = runes.length;
      known.set(key, own);
      runes.push(start);
    }
    classes[i] = own;
  }
  const classOf = finderOf(Uint32Array.from(starts), classes);
  return { size: runes.length, runes: Int32Array.from(runes), classOf };
};

/** Finds the class of the range that a character is in. By itself, so that it keeps nothing else from being collected. */
const finderOf =
  (bounds: Uint32Array, classes: Uint16Array) =>
  (rune: number): number => {
    let low = 0;
    let high = bounds.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((bounds[middle] ?? 0) <= rune) low = middle;
      else high = middle - 1;
    }
    return classes[low] ?? 0;
  };

/** By UTF-16 unit of a text the class of the character that starts there, and END behind the last. */
export type Classes = Uint16Array;

/** Reads UTF-16 units as classes of an alphabet, which lie in the scratch memory, where that is in use. */
export const createReader = ({ classOf }: Alphabet): ((units: Uint16Array) => Classes) => {
  const byUnit = new Uint16Array(0x1_0000);
  for (let unit = 0; unit < byUnit.length; unit++) byUnit[unit] = classOf(unit);
  return (units) => {
    const classes = scratch.uint16(units.length + 1);
    for (let at = 0; ; at++) {
      at = readUnits(units, byUnit, classes, at);
      if (at === units.length) break;
      const first = units[at - 1] ?? 0;
      if ((first & 0xfc00) !== 0xd800) continue;
      classes[at - 1] = classOf(0x1_0000 + ((first & 0x3ff) << 10) + ((units[at] ?? 0) & 0x3ff));
      classes[at] = SECOND_HALF;
    }
    classes[units.length] = END;
    return classes;
  };
};

/** Reads from an offset on up to the second half of a character. Where that stands, or the end. */
const readUnits = (
  units: Uint16Array,
  byUnit: Uint16Array,
  classes: Classes,
  from: number,
): number => {
  let at = from;
  for (; at < units.length; at++) {
    const unit = units[at] ?? 0;
    classes[at] = byUnit[unit] ?? 0;
    if ((unit & 0xfc00) === 0xdc00) break;
  }
  return at;
};
