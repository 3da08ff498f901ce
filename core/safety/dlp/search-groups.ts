import type { Classes } from "./alphabet.ts";
import type { Blocks, OtherForm } from "./blocks.ts";
import type { Group, Sighting } from "./group.ts";
import type { Meter } from "./meter.ts";
import { Search } from "./pattern.ts";

/** A group, and which of its patterns may match at all: bit i is its pattern i. */
export interface Candidates {
  readonly group: Group;
  readonly bits: number;
}

/** What became of a group's patterns; a list of each has one entry for each pattern. */
interface Course extends Candidates {
  readonly sighting: Sighting;
  readonly searches: (Search | undefined)[];
  /** The start and the end of each match in turn. */
  readonly found: readonly number[][];
}

// What a text may cost, in steps of an automaton: to tell where patterns match at all, beside one
// pass for each group, and to find the matches there.
const SIGHT_STEPS = 1_600_000;
const SEARCH_STEPS = 600_000;
const SEARCH_STEPS_PER_UNIT = 5;

/** What a search may cost. */
export interface Budget {
  /** To tell where patterns match at all. */
  readonly sight: number;
  /** To find the matches there. */
  readonly search: number;
}

/** For a text of so many UTF-16 units. */
export const budgetOf = (units: number): Budget => ({
  sight: SIGHT_STEPS,
  search: SEARCH_STEPS + SEARCH_STEPS_PER_UNIT * units,
});

/** How a text is searched. */
export interface SearchOptions {
  /** The text may go on. */
  readonly isOpen: boolean;
  readonly budget: Budget;
  /** The search of the text that this is another form of: what it finds, too, may be left out. */
  readonly original?: GroupSearch | undefined;
}

/**
 * A search for the matches of many patterns in a text. It goes on part by part with all of them, so
 * that what the text may cost is spent on its beginning. Where nothing is left to spend, the rest of
 * the text, from where a match that is not known may start, counts as one match.
 */
export class GroupSearch {
  readonly #classes: Classes;
  readonly #bounds: Int32Array;
  readonly #blocks: number;
  readonly #courses: readonly Course[];
  readonly #meter: Meter;
  readonly #sightLeft: number;
  readonly #isOpen: boolean;

  constructor(
    candidates: readonly Candidates[],
    text: Blocks | OtherForm,
    { isOpen, budget, original }: SearchOptions,
  ) {
    this.#classes = text.classes;
    this.#bounds = text.bounds;
    this.#isOpen = isOpen;
    this.#blocks = text.bounds.length - 1;
    this.#meter = { left: budget.search };
    let sightSteps = budget.sight;
    this.#courses = candidates.map(({ group, bits }, index) => {
      // What one group leaves the next ones may have.
      const own = Math.floor(sightSteps / (candidates.length - index));
      const meter = { left: own };
      const seen = original?.sightingOf(group);
      const sighting =
        seen && "isSame" in text ? group.sightForm(text, seen, meter) : group.sight(text, meter);
      sightSteps -= own - Math.max(0, meter.left);
      return {
        group,
        bits,
        sighting,
        searches: group.patterns.map(() => undefined),
        found: group.patterns.map(() => []),
      };
    });
    this.#sightLeft = sightSteps;
  }

  /** What the search did not need, so far. */
  get left(): Budget {
    return { sight: this.#sightLeft, search: Math.max(0, this.#meter.left) };
  }

  /** Where patterns of one of the groups match. */
  sightingOf(group: Group): Sighting | undefined {
    return this.#courses.find((course) => course.group === group)?.sighting;
  }

  /** By group and pattern: the start and the end of each match in turn, in order, none empty. */
  get found(): readonly (readonly number[][])[] {
    return this.#courses.map(({ found }) => found);
  }

  /**
   * Finds the matches. Returns the offset before which they start as they do whatever text follows.
   * `isStronger` says of two patterns which one gets the rest of a text that costs too much.
   */
  run(isStronger: (one: Place, other: Place) => boolean): number {
    for (let block = 0; block < this.#blocks; block++) {
      const end = this.#startOf(block + 1);
      for (const course of this.#courses) {
        for (const pattern of bitsOf(this.#hits(course, block))) {
          this.#searchFrom(course, pattern, block)?.advance(end);
          if (this.#meter.left < 0) return this.#takeRest(block, isStronger);
        }
      }
    }
    return this.#settled();
  }

  #startOf(block: number): number {
    return this.#bounds[block] ?? 0;
  }

  /** The patterns that have to be looked at in a block. */
  #hits({ bits, sighting }: Course, block: number): number {
    // What has begun to match in front of the end has to be followed up to there.
    const open = this.#isOpen && block === this.#blocks - 1 ? sighting.open : 0;
    return bits & ((sighting.hits[block] ?? 0) | open);
  }

  /** The search for a pattern, brought to where a match that ends in a block may start. */
  #searchFrom(course: Course, pattern: number, block: number): Search | undefined {
    const own = course.group.patterns[pattern];
    const found = course.found[pattern];
    if (!own || !found) return undefined;
    const search =
      course.searches[pattern] ??
      new Search(own, this.#classes, { from: this.#startOf(0), meter: this.#meter, found });
    course.searches[pattern] = search;
    const { live } = course.sighting;
    let start = block;
    while (this.#startOf(start) > search.at && ((live[start] ?? 0) >> pattern) & 1) start--;
    search.skipTo(this.#startOf(start));
    return search;
  }

  #takeRest(from: number, isStronger: (one: Place, other: Place) => boolean): number {
    const length = this.#classes.length - 1;
    let start = length;
    let strongest: Place | undefined;
    for (const [group, course] of this.#courses.entries()) {
      for (let block = from, seen = 0; block < this.#blocks; block++) {
        const fresh = this.#hits(course, block) & ~seen;
        seen |= fresh;
        for (const pattern of bitsOf(fresh)) {
          const search = this.#searchFrom(course, pattern, block);
          start = Math.min(start, search?.openFrom ?? this.#startOf(0));
          const place = { group, pattern };
          if (!strongest || isStronger(place, strongest)) strongest = place;
        }
      }
    }
    if (strongest && start < length) {
      this.#courses[strongest.group]?.found[strongest.pattern]?.push(start, length);
    }
    return Math.min(start, this.#settled());
  }

  /** What more text may change starts behind this offset, of what was found and what has begun. */
  #settled(): number {
    let settled = this.#classes.length - 1;
    for (const { searches, sighting } of this.#courses) {
      for (const [pattern, search] of searches.entries()) {
        const hasBegun = (sighting.open >> pattern) & 1;
        const own = hasBegun ? search?.settled : search?.openMatch;
        settled = Math.min(settled, own ?? settled);
      }
    }
    return settled;
  }
}

/** Pattern of a group, both by number. */
export interface Place {
  readonly group: number;
  readonly pattern: number;
}

const bitsOf = (set: number): readonly number[] => {
  const bits: number[] = [];
  for (let rest = set; rest !== 0; rest &= rest - 1) bits.push(31 - Math.clz32(rest & -rest));
  return bits;
};
