import type { Alphabet } from "./alphabet.ts";
import { Automaton, Walk } from "./automaton.ts";
import type { Blocks, OtherForm } from "./blocks.ts";
import { createMachine } from "./machine.ts";
import type { Meter } from "./meter.ts";
import { Pattern } from "./pattern.ts";
import type { Program } from "./program.ts";

/** As many patterns as a set of bits has room for. */
export const GROUP_SIZE = 30;
const ALL = -1;
// Of the automaton: it was not followed that far.
const NO_ROW = -1;

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
  /** By block, and last behind all: the automaton's row in front of it. */
  readonly rows: Int32Array;
}

/** Some patterns that are looked for together: one pass tells in which parts of a text each matches. */
export class Group {
  readonly patterns: readonly Pattern[];
  readonly #automaton: Automaton;

  constructor(programs: readonly Program[], alphabet: Alphabet) {
    this.patterns = programs.map((program) => new Pattern(program, alphabet));
    this.#automaton = new Automaton(createMachine(programs, alphabet), "unanchored");
  }

  get automata(): readonly Automaton[] {
    return [this.#automaton, ...this.patterns.flatMap(({ automata }) => automata)];
  }

  /** Passes over a text once. What stands before its blocks counts for `\b` and `^` only. */
  sight(text: Blocks, meter: Meter): Sighting {
    this.#automaton.begin();
    return this.#pass(text, meter, () => undefined);
  }

  /**
   * The same of another form of the text that was passed over last, for the matches that are not the
   * text's own. What that was charged for is not charged again.
   */
  sightForm(form: OtherForm, text: Sighting, meter: Meter): Sighting {
    const { isSame } = form;
    const { rows } = text;
    const {
      hits,
      live,
      open,
      rows: own,
    } = this.#pass(form, meter, (block, row) =>
      isSame[block] === 1 && rows[block] === row && rows[block + 1] !== NO_ROW ? text : undefined,
    );
    let begun = ALL;
    const others = hits.map((hit, block) => {
      // A border of words at the end of what differs may lie in the next block.
      const isBeside = isSame[block] === 0 || isSame[block - 1] === 0;
      begun = isBeside ? ALL : begun & (live[block] ?? 0);
      return hit & begun;
    });
    return { hits: others, live, open, rows: own };
  }

  /** `known` is what was seen of a block already where it is entered in that row. */
  #pass(
    { classes, bounds }: Blocks,
    meter: Meter,
    known: (block: number, row: number) => Sighting | undefined,
  ): Sighting {
    const blocks = bounds.length - 1;
    const hits = new Int32Array(blocks);
    const live = new Int32Array(blocks);
    const rows = new Int32Array(blocks + 1).fill(NO_ROW);
    const last = classes.length - 1;
    const walk = new Walk(this.#automaton, classes, bounds[0] ?? 0, meter);
    let open = 0;
    rows[0] = walk.row;
    for (let block = 0; block < blocks; block++) {
      live[block] = walk.live;
      const end = bounds[block + 1] ?? 0;
      const seen = known(block, walk.row);
      if (seen) {
        hits[block] = seen.hits[block] ?? ALL;
        walk.row = seen.rows[block + 1] ?? NO_ROW;
        walk.at = end;
        rows[block + 1] = walk.row;
        if (block === blocks - 1) ({ open } = seen);
        continue;
      }
      walk.matched = 0;
      if (block === blocks - 1) {
        walk.to(last);
        open = walk.live;
      }
      walk.to(end);
      hits[block] = walk.matched;
      rows[block + 1] = walk.row;
      if (meter.left >= 0) continue;
      hits.fill(ALL, block);
      live.fill(ALL, block + 1);
      rows.fill(NO_ROW, block + 1);
      return { hits, live, open: ALL, rows };
    }
    return { hits, live, open, rows };
  }
}
