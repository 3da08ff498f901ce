import type { Alphabet, Classes } from "./alphabet.ts";
import { Automaton, EPOCH_SHIFT, LIVE, MATCHED, ROW } from "./automaton.ts";
import type { Meter } from "./meter.ts";
import { Pattern } from "./pattern.ts";
import type { Program } from "./program.ts";

/** As many patterns as a set of bits has room for. */
export const GROUP_SIZE = 30;
const ALL = -1;
/** Characters in a block. */
export const BLOCK = 256;

/**
 * Where patterns of a group match, block by block; bit i is the group's pattern i. Once the meter is
 * spent, any of them may have begun and matched anywhere.
 */
export interface Sighting {
  /** By block: the patterns of which a match may end in it, and none of the others. */
  readonly hits: Int32Array;
  /** By block: the patterns that have begun to match in front of it. */
  readonly live: Int32Array;
  /** The patterns that have begun to match in front of the end. */
  readonly open: number;
}

/** Some patterns that are looked for together: one pass tells in which parts of a text each matches. */
export class Group {
  readonly patterns: readonly Pattern[];
  readonly #automaton: Automaton;

  constructor(programs: readonly Program[], alphabet: Alphabet) {
    this.patterns = programs.map((program) => new Pattern(program, alphabet));
    this.#automaton = new Automaton(programs, "unanchored", alphabet);
  }

  get automata(): readonly Automaton[] {
    return [this.#automaton, ...this.patterns.flatMap(({ automata }) => automata)];
  }

  /** Passes over a text once. What stands before `from` counts for `\b` and `^` only. */
  sight(classes: Classes, from: number, meter: Meter): Sighting {
    const automaton = this.#automaton;
    automaton.begin();
    const { columns, epoch } = automaton;
    const blocks = Math.ceil((classes.length - from) / BLOCK);
    const hits = new Int32Array(blocks);
    const live = new Int32Array(blocks);
    const last = classes.length - 1;
    let open = 0;
    let row = automaton.rowAt(classes, from);
    let { table } = automaton;
    for (let block = 0, at = from; block < blocks; block++) {
      live[block] = table[row + LIVE] ?? 0;
      let hit = 0;
      for (const end = Math.min(classes.length, at + BLOCK); at < end; at++) {
        if (at === last) open = table[row + LIVE] ?? 0;
        const column = columns[classes[at] ?? 0] ?? 0;
        let next = table[row + column] ?? 0;
        if (next >>> EPOCH_SHIFT !== epoch) {
          next = automaton.enter(row, column, meter);
          table = automaton.table;
        }
        row = next & ROW;
        hit |= table[row + MATCHED] ?? 0;
      }
      hits[block] = hit;
      if (meter.left >= 0) continue;
      hits.fill(ALL, block);
      live.fill(ALL, block + 1);
      return { hits, live, open: ALL };
    }
    return { hits, live, open };
  }
}
