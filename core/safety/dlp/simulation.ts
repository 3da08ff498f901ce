import { END } from "./alphabet.ts";
import { DOES, KIND, type Kind, type Machine, STEP_SIZE } from "./machine.ts";
import { ASSERT } from "./program.ts";
import type { Steps } from "./states.ts";

/** What a character makes of a state; where it leads to stands in `reached`. */
interface Move {
  /** How many steps it leads to. */
  readonly count: number;
  /** Bits of the patterns of which a match ends before the character. */
  readonly matched: number;
  /** How many steps were looked at. */
  readonly visits: number;
}

/** Where the patterns begin behind a character of a kind and before one of another. */
interface Entrance {
  /** The assertions that hold there. */
  readonly holds: number;
  /** Bits of the patterns that match the empty text. */
  readonly matched: number;
  /** The first steps that take a character, in order of preference. */
  readonly steps: Int32Array;
  /**
   * Places in `steps`, ascending: of those that take the characters of a class, by class, and behind them
   * of those that take many. In front of all stands where each of these lists starts, and where the last one ends.
   */
  readonly lists: Int32Array;
}

/** What a walk through a machine needs; each is over before the next one begins. */
class Desk {
  /** By step: the last walk that came by, and the last one that reached it. */
  walked = new Int32Array(0);
  ended = new Int32Array(0);
  /** What is still to come by. */
  open = new Int32Array(0);
  /** Steps that take a character. */
  found = new Int32Array(0);
  reached = new Int32Array(0);
  /** By step: a bit, none of which is left set. */
  bits = new Int32Array(0);
  #walk = 0;

  /** Makes room for so many steps. */
  reserve(count: number): void {
    if (count <= this.walked.length) return;
    this.walked = new Int32Array(count);
    this.ended = new Int32Array(count);
    // A walk begins with each step at most once, and each has at most two behind it.
    this.open = new Int32Array(count * 3);
    // Those that a walk found and first ones.
    this.found = new Int32Array(count * 2);
    this.reached = new Int32Array(count);
    this.bits = new Int32Array(Math.ceil(count / 32));
  }

  /** Number of a new walk. */
  next(): number {
    if (this.#walk === LAST_WALK) {
      this.walked.fill(0);
      this.ended.fill(0);
      this.#walk = 0;
    }
    this.#walk++;
    return this.#walk;
  }
}

const LAST_WALK = 0x3fff_ffff;
const desk = new Desk();

/**
 * Follows compiled patterns through a text, all alternatives at once. `anchored`: the matches of one
 * pattern that start where it starts, in the order in which Perl would try them; `unanchored`: every
 * match of any of them that starts anywhere.
 */
export class Simulation {
  readonly isAnchored: boolean;
  /** Where `anchored` starts. */
  readonly starts: Steps;
  readonly #machine: Machine;
  readonly #entrances: Entrance[] = [];

  constructor(machine: Machine, mode: "anchored" | "unanchored") {
    this.isAnchored = mode === "anchored";
    this.starts = { list: machine.starts, from: 0, to: machine.starts.length };
    this.#machine = machine;
    desk.reserve(machine.count);
  }

  /** Where the last move led to, each step once; anchored: the preferred first, else ascending. */
  get reached(): Int32Array {
    return desk.reached;
  }

  /** Bits of the patterns that these steps belong to. */
  patternsOf({ list, from, to }: Steps): number {
    const { steps } = this.#machine;
    let bits = 0;
    for (let at = from; at < to; at++) bits |= steps[(list[at] ?? 0) * STEP_SIZE + PATTERN] ?? 0;
    return bits;
  }

  /** What a character of a class makes of steps reached behind one of a kind. */
  move(steps: Steps, kind: Kind, cls: number): Move {
    const { hasAssertions, kinds } = this.#machine;
    const next = cls === END ? undefined : kinds[cls];
    const holds = hasAssertions ? assertionsAt(kind, next) : 0;
    if (this.isAnchored && !this.#areStarts(steps)) {
      const { count, matched, visits } = this.#walkFrom(steps, holds);
      return { count: this.#follow(count, cls), matched, visits };
    }
    const entrance = this.#entrance(holds);
    if (this.isAnchored) {
      const visits = this.#findFirst(entrance, cls, 0);
      return { count: this.#follow(visits, cls), matched: entrance.matched, visits };
    }
    const walk = this.#walkFrom(steps, holds);
    const first = this.#findFirst(entrance, cls, walk.count);
    return {
      count: this.#followInOrder(walk.count + first, cls),
      matched: walk.matched | entrance.matched,
      visits: walk.visits + first,
    };
  }

  #areStarts({ list, from, to }: Steps): boolean {
    const { starts } = this;
    return to - from === starts.to && starts.list.every((pc, at) => list[from + at] === pc);
  }

  /** How many steps follow so many that were found and that take the characters of a class. */
  #follow(found: number, cls: number): number {
    const { ended, reached } = desk;
    const walk = desk.next();
    let count = 0;
    for (let i = 0; i < found; i++) {
      const pc = desk.found[i] ?? 0;
      const out = this.#machine.steps[pc * STEP_SIZE + OUT] ?? 0;
      if (ended[out] === walk || !this.#isTaken(pc, cls)) continue;
      ended[out] = walk;
      reached[count++] = out;
    }
    return count;
  }

  /** The same in ascending order. */
  #followInOrder(found: number, cls: number): number {
    // Bits in a row are read in order, which is cheaper than sorting.
    const { bits, reached } = desk;
    let first = bits.length;
    let last = -1;
    for (let i = 0; i < found; i++) {
      const pc = desk.found[i] ?? 0;
      if (!this.#isTaken(pc, cls)) continue;
      const out = this.#machine.steps[pc * STEP_SIZE + OUT] ?? 0;
      const word = out >>> 5;
      bits[word] = (bits[word] ?? 0) | (1 << (out & 31));
      first = Math.min(first, word);
      last = Math.max(last, word);
    }
    let count = 0;
    for (let word = first; word <= last; word++) {
      for (let rest = bits[word] ?? 0; rest !== 0; rest &= rest - 1) {
        reached[count++] = word * 32 + 31 - Math.clz32(rest & -rest);
      }
      bits[word] = 0;
    }
    return count;
  }

  /** Whether a step takes the characters of a class. */
  #isTaken(pc: number, cls: number): boolean {
    const { steps, takes, classCount } = this.#machine;
    const row = steps[pc * STEP_SIZE + ARGUMENT] ?? 0;
    return row < 0 ? cls === ~row : takes[row * classCount + cls] === 1;
  }

  /** Finds the steps that take a character and can come next, in order. `count` is how many. */
  #walkFrom({ list, from, to }: Steps, holds: number): Move {
    const { open, walked, found } = desk;
    const { steps } = this.#machine;
    const walk = desk.next();
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
      const step = pc * STEP_SIZE;
      const does = steps[step] ?? 0;
      if (does >= TAKE) found[count++] = pc;
      else if (does === MATCH) {
        matched |= steps[step + PATTERN] ?? 0;
        // What comes later in the order would lose against this match.
        if (this.isAnchored) break;
      } else if (does === ASSERTS) {
        if (((steps[step + ARGUMENT] ?? 0) & ~holds) === 0) open[last++] = steps[step + OUT] ?? 0;
      } else if (does !== FAIL) {
        if (does === FORK) open[last++] = steps[step + ARGUMENT] ?? 0;
        open[last++] = steps[step + OUT] ?? 0;
      }
    }
    return { count, matched, visits };
  }

  /** Puts first steps that may take the characters of a class behind so many that were found. How many. */
  #findFirst({ steps, lists }: Entrance, cls: number, found: number): number {
    const { classCount } = this.#machine;
    let at = lists[cls] ?? 0;
    const end = lists[cls + 1] ?? 0;
    let wide = lists[classCount] ?? 0;
    const wideEnd = lists[classCount + 1] ?? 0;
    const count = end - at + wideEnd - wide;
    for (let i = 0; i < count; i++) {
      const isWide = at === end || (wide < wideEnd && (lists[wide] ?? 0) < (lists[at] ?? 0));
      desk.found[found + i] = steps[lists[isWide ? wide++ : at++] ?? 0] ?? 0;
    }
    return count;
  }

  #entrance(holds: number): Entrance {
    const known = this.#entrances.find((entrance) => entrance.holds === holds);
    if (known) return known;
    const { count, matched } = this.#walkFrom(this.starts, holds);
    const steps = desk.found.slice(0, count);
    const entrance = { holds, matched, steps, lists: this.#listsOf(steps) };
    this.#entrances.push(entrance);
    return entrance;
  }

  #listsOf(steps: Int32Array): Int32Array {
    const { classCount, steps: all } = this.#machine;
    const lists = Array.from({ length: classCount + 1 }, (): number[] => []);
    for (const [place, pc] of steps.entries()) {
      const row = all[pc * STEP_SIZE + ARGUMENT] ?? 0;
      if (all[pc * STEP_SIZE] === DOES.takeMany) lists[classCount]?.push(place);
      else if (row < 0) lists[~row]?.push(place);
      else for (const cls of this.#classesOf(row)) lists[cls]?.push(place);
    }
    const bounds = [lists.length + 1];
    for (const list of lists) bounds.push((bounds.at(-1) ?? 0) + list.length);
    return Int32Array.from([...bounds, ...lists.flat()]);
  }

  /** The classes whose characters a row of `takes` takes: a few of thousands. */
  *#classesOf(row: number): Generator<number> {
    const { classCount, takes } = this.#machine;
    const own = takes.subarray(row * classCount, (row + 1) * classCount);
    for (let cls = own.indexOf(1); cls >= 0; cls = own.indexOf(1, cls + 1)) yield cls;
  }
}

// In a step's numbers, and what it does: of this file, as V8 of Node 20 looks what is imported up at every use.
const OUT = 1;
const ARGUMENT = 2;
const PATTERN = 3;
const { fail: FAIL, fork: FORK, assert: ASSERTS, match: MATCH, take: TAKE } = DOES;

const assertionsAt = (before: Kind, after: number | undefined): number => {
  const isBoundary = (before === KIND.word) !== (after === KIND.word);
  return (
    (before === KIND.start ? ASSERT.beginText | ASSERT.beginLine : 0) |
    (before === KIND.lineBreak ? ASSERT.beginLine : 0) |
    (after === undefined ? ASSERT.endText | ASSERT.endLine : 0) |
    (after === KIND.lineBreak ? ASSERT.endLine : 0) |
    (isBoundary ? ASSERT.wordBoundary : ASSERT.noWordBoundary)
  );
};
