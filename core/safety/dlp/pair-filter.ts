import { scratch } from "../scratch.ts";
import { OP, type Program, reachable, takesRune } from "./program.ts";
import { rangesOf } from "./runes.ts";

/** Tells which patterns can match a text at all, in one pass however many there are. */
export interface PairFilter {
  /** Indexes of the patterns that may match a text of these UTF-16 units, ascending. */
  candidates(units: Uint16Array): number[];
}

/** Characters as 256 bytes: ASCII as it is, all others by their low seven bits; 0 is also the end. */
type Bytes = Uint8Array;
interface Pairs {
  readonly first: Bytes;
  readonly second: Bytes;
}

// Whether a match can do without a step takes a look at all others.
const MAX_STEPS = 300;

/**
 * Builds the filter. Any match of a pattern holds two neighbouring characters that its program
 * demands; of all such places the one that ordinary text meets least is looked for.
 */
export const createPairFilter = (programs: readonly Program[]): PairFilter => {
  const always: number[] = [];
  // By pair: its list, a number of an entry or 0. Pairs that tell of the same patterns share theirs, and
  // others what they have in common of what was put in front of it: an entry is a pattern and a rest.
  const lists = new Uint32Array(0x1_0000);
  const patterns = [-1];
  const rests = [0];
  for (const [index, program] of programs.entries()) {
    const pairs = rarestPairs(program);
    if (!pairs) always.push(index);
    const longer = new Map<number, number>();
    for (const { first, second } of pairs ?? [])
      for (const a of membersOf(first))
        for (const b of membersOf(second)) {
          const key = (a << 8) | b;
          const rest = lists[key] ?? 0;
          if (patterns[rest] === index) continue;
          let list = longer.get(rest);
          if (list === undefined) {
            list = patterns.push(index) - 1;
            rests.push(rest);
            longer.set(rest, list);
          }
          lists[key] = list;
        }
  }

  // Not the programs themselves, which nobody needs any more then.
  const count = programs.length;
  return {
    candidates(units) {
      const found = new Set(always);
      // By entry: 1 where it was seen, and with it all that its rest has.
      const isSeen = scratch.uint8(patterns.length);
      isSeen[0] = 1;
      let at = 1;
      while (found.size < count) {
        at = nextPair(units, at, lists, isSeen);
        if (at > units.length) break;
        let entry = lists[pairAt(units, at)] ?? 0;
        for (; isSeen[entry] === 0; entry = rests[entry] ?? 0) {
          isSeen[entry] = 1;
          found.add(patterns[entry] ?? 0);
        }
      }
      return [...found].sort((a, b) => a - b);
    },
  };
};

/** From an offset on, the first whose pair has a list that was not seen; behind the end for none. */
const nextPair = (
  units: Uint16Array,
  from: number,
  lists: Uint32Array,
  isSeen: Uint8Array,
): number => {
  let at = from;
  let previous = byteOf(units[at - 1] ?? 0);
  for (; at < units.length; at++) {
    const current = byteOf(units[at] ?? 0);
    if (isSeen[lists[(previous << 8) | current] ?? 0] === 0) return at;
    previous = current;
  }
  return at === units.length && isSeen[lists[pairAt(units, at)] ?? 0] === 0 ? at : units.length + 1;
};

/** What stands before an offset and what stands there, as bytes: a number that is both. */
const pairAt = (units: Uint16Array, at: number): number =>
  (byteOf(units[at - 1] ?? 0) << 8) | byteOf(units[at] ?? 0);

/** Without a branch: in text of two scripts it would be guessed wrong for every second character. */
const byteOf = (unit: number): number => (unit & 0x7f) | (((0x7f - unit) >>> 24) & 0x80);

const membersOf = (bytes: Bytes): number[] => [...bytes.keys()].filter((byte) => bytes[byte] === 1);

/** Pairs of which every match has one; undefined when there is no such set. */
const rarestPairs = (program: Program): readonly Pairs[] | undefined => {
  const starts = reachable(program, program.start);
  if (hasMatch(program, starts)) return undefined;
  const firsts = [...starts].filter((pc) => isRune(program, pc));
  let best = firsts.map((pc) => pairsAt(program, pc));
  let cost = costOf(best);
  if (program.steps.length > MAX_STEPS) return best;
  for (const pc of program.steps.keys()) {
    if (!isRune(program, pc) || isAvoidable(program, pc)) continue;
    const pairs = [pairsAt(program, pc)];
    const own = costOf(pairs);
    if (own < cost) [best, cost] = [pairs, own];
  }
  return best;
};

const isRune = (program: Program, pc: number): boolean => {
  const step = program.steps[pc];
  return step !== undefined && takesRune(step);
};

const hasMatch = (program: Program, pcs: ReadonlySet<number>): boolean =>
  [...pcs].some((pc) => program.steps[pc]?.op === OP.match);

/** Whether a match can do without this step. */
const isAvoidable = (program: Program, without: number): boolean => {
  const seen = new Set<number>();
  const open = [program.start];
  for (let from = open.pop(); from !== undefined; from = open.pop()) {
    for (const pc of reachable(program, from, without)) {
      if (seen.has(pc)) continue;
      seen.add(pc);
      const step = program.steps[pc];
      if (step?.op === OP.match) return true;
      if (step && takesRune(step)) open.push(step.out);
    }
  }
  return false;
};

const pairsAt = (program: Program, pc: number): Pairs => {
  const first = new Uint8Array(256);
  const second = new Uint8Array(256);
  addRunes(program, pc, first);
  const step = program.steps[pc];
  const next = reachable(program, step?.out ?? 0);
  // The second half of a character outside the BMP follows its first half.
  if (isWide(program, pc) || hasMatch(program, next)) second.fill(1);
  else
    for (const follower of next) if (isRune(program, follower)) addRunes(program, follower, second);
  return { first, second };
};

const isWide = (program: Program, pc: number): boolean => {
  const step = program.steps[pc];
  if (step?.op !== OP.rune && step?.op !== OP.rune1) return true;
  return (step.runes[step.runes.length - 1] ?? 0) > 0xffff;
};

const addRunes = (program: Program, pc: number, bytes: Bytes): void => {
  const step = program.steps[pc];
  if (!step) return;
  const add = (first: number, last: number): void => {
    for (let rune = first; rune <= Math.min(last, 0x7f); rune++) bytes[rune] = 1;
    if (last < 0x80) return;
    if (last > 0xffff || last - Math.max(first, 0x80) >= 0x80) bytes.fill(1, 0x80);
    else for (let rune = Math.max(first, 0x80); rune <= last; rune++) bytes[byteOf(rune)] = 1;
  };
  const ranges = rangesOf(step);
  for (let i = 0; i + 1 < ranges.length; i += 2) add(ranges[i] ?? 0, ranges[i + 1] ?? 0);
};

/** How often ordinary text has such a pair, roughly. */
const costOf = (pairs: readonly Pairs[]): number => {
  const weight = (bytes: Bytes): number =>
    membersOf(bytes).reduce((sum, byte) => sum + commonness(byte), 0);
  return pairs.reduce((sum, { first, second }) => sum + weight(first) * weight(second), 0);
};

const commonness = (byte: number): number => {
  if (byte === 0x20 || (byte >= 0x61 && byte <= 0x7a)) return 20;
  if (byte >= 0x80) return 8;
  return byte >= 0x30 && byte <= 0x39 ? 3 : 1;
};
