import { unitsOf } from "../units.ts";
import { createAlphabet, createReader } from "./alphabet.ts";
import { type Blocks, cutAlike, cutIntoBlocks, type OtherForm } from "./blocks.ts";
import type { Folded } from "./folded.ts";
import { GROUP_SIZE, Group } from "./group.ts";
import { createPairFilter } from "./pair-filter.ts";
import { Search } from "./pattern.ts";
import { compileProgram } from "./program.ts";
import { budgetOf, GroupSearch, type Place, type SearchOptions } from "./search-groups.ts";
import { type Spans, spansOf } from "./spans.ts";

/** A customer's rule, as `enterprise.data_loss_prevention.rules` says it. */
export interface DlpRule {
  readonly name: string;
  /** RE2 syntax. */
  readonly pattern: string;
  readonly action: "redact" | "block";
}

/** The customer's rules, ready to search with. Both searches add to `spans` what they find. */
export interface Rules {
  /** Searches a text, as it is and as folded. */
  search(text: string, folded: Folded, spans: Spans): void;
  /**
   * Searches a text that goes on from an offset on: what stands before it is context. Returns the
   * offset before which a finding starts as it does whatever text follows.
   */
  searchOpen(
    text: string,
    folded: Folded,
    [from, fromFolded]: readonly [number, number],
    spans: Spans,
  ): number;
}

/** What became of the search of a text or another form of it. */
interface Searched {
  /** The offset before which matches start as they do whatever text follows. */
  readonly settled: number;
  /** None where no rule can match. */
  readonly search?: GroupSearch;
}

// Of what a text may cost, where its folded form is searched, too: that one, most of which is the same,
// gets what is left.
const OWN_SHARE = 0.75;
// Numbers that all automata may keep from one text to the next, six bytes each.
const MAX_KEPT = 2_000_000;

const SAMPLE =
  "The quick brown fox (No. 7) jumps over the lazy dog.\nVICTOR JAGT ZWÖLF BOXKÄMPFER - quer 3,456,789!\n" +
  "請把第三季度的報告發給市場部，謝謝。https://a.example/b?c=1 wang_li@example.com\n";
const SAMPLE_STEPS = 200_000;

/** Adds what was found, in the text or in its folded form. A hundred thousand may be. */
const addTo = (spans: Spans, name: string, found: number[], folded?: Folded): void => {
  const offsets = spansOf(spans, name);
  for (let i = 0; i + 1 < found.length; i += 2) {
    const start = found[i] ?? 0;
    const end = found[i + 1] ?? 0;
    offsets.push(folded ? folded.startOf(start) : start, folded ? folded.endOf(end) : end);
  }
};

/** Compiles the rules. Throws RangeError for a pattern that RE2 cannot express. */
export const createRules = (rules: readonly DlpRule[]): Rules => {
  const programs = rules.map(({ name, pattern }) => {
    const program = compileProgram(pattern);
    if (!program) throw new RangeError(`rule ${name}: RE2 cannot express its pattern`);
    return program;
  });
  const filter = createPairFilter(programs);
  const alphabet = createAlphabet(programs.flatMap(({ steps }) => steps));
  const read = createReader(alphabet);
  const groups: Group[] = [];
  for (let first = 0; first < programs.length; first += GROUP_SIZE) {
    groups.push(new Group(programs.slice(first, first + GROUP_SIZE), alphabet));
  }
  const automata = groups.flatMap((group) => group.automata);
  // What nearly every text needs is built now, so that no message has to wait for it.
  const sample = read(unitsOf(SAMPLE));
  for (const group of groups) {
    group.sight(cutIntoBlocks(sample, 0), { left: SAMPLE_STEPS });
    for (const pattern of group.patterns) {
      const options = { from: 0, meter: { left: SAMPLE_STEPS }, found: [] };
      new Search(pattern, sample, options).advance(sample.length);
    }
  }
  const everyIndex = rules.map((_, index) => index);

  const candidatesOf = (indexes: readonly number[]) => {
    const bits = groups.map(() => 0);
    for (const index of indexes) {
      const group = Math.floor(index / GROUP_SIZE);
      bits[group] = (bits[group] ?? 0) | (1 << (index % GROUP_SIZE));
    }
    return groups
      .map((group, number) => ({ group, number, bits: bits[number] ?? 0 }))
      .filter((candidates) => candidates.bits !== 0);
  };

  const searchOne = (
    text: Blocks | OtherForm,
    indexes: readonly number[],
    options: SearchOptions,
    spans: Spans,
    folded?: Folded,
  ): Searched => {
    if (indexes.length === 0) return { settled: text.classes.length - 1 };
    const candidates = candidatesOf(indexes);
    const ruleAt = ({ group, pattern }: Place) =>
      rules[(candidates[group]?.number ?? 0) * GROUP_SIZE + pattern];
    const search = new GroupSearch(candidates, text, options);
    const settled = search.run(
      (one, other) => ruleAt(one)?.action === "block" && ruleAt(other)?.action !== "block",
    );
    for (const [group, patterns] of search.found.entries()) {
      for (const [pattern, found] of patterns.entries()) {
        const rule = ruleAt({ group, pattern });
        if (found.length > 0 && rule) addTo(spans, rule.name, found, folded);
      }
    }
    return { settled, search };
  };

  const searchBoth = (
    text: string,
    folded: Folded,
    {
      from: [from, fromFolded],
      isOpen,
    }: { readonly from: readonly [number, number]; readonly isOpen: boolean },
    spans: Spans,
  ): number => {
    // The filter looks for what a whole match must hold; of an open text half of one may be there.
    const indexesFor = isOpen ? () => everyIndex : filter.candidates;
    if (rules.length === 0) return text.length;
    const units = unitsOf(text);
    const indexes = indexesFor(units);
    const isFolded = folded.text !== text;
    const unitsFolded = isFolded ? unitsOf(folded.text) : units;
    const indexesFolded = isFolded ? indexesFor(unitsFolded) : [];
    if (indexes.length + indexesFolded.length === 0) return text.length;
    if (automata.reduce((sum, { size }) => sum + size, 0) > MAX_KEPT) {
      for (const automaton of automata) automaton.forget();
    }
    const blocks = cutIntoBlocks(read(units), from);
    const whole = budgetOf(text.length - from);
    const share = isFolded ? OWN_SHARE : 1;
    const budget = {
      sight: Math.floor(whole.sight * share),
      search: Math.floor(whole.search * share),
    };
    const own = searchOne(blocks, indexes, { isOpen, budget }, spans);
    if (indexesFolded.length === 0) return own.settled;
    const form = cutAlike(blocks, read(unitsFolded), fromFolded, folded.startOf);
    const left = own.search?.left ?? budget;
    const rest = {
      sight: whole.sight - budget.sight + left.sight,
      search: whole.search - budget.search + left.search,
    };
    const options = { isOpen, budget: rest, original: own.search };
    const other = searchOne(form, indexesFolded, options, spans, folded);
    return Math.min(own.settled, folded.startOf(other.settled));
  };

  return {
    search: (text, folded, spans) => {
      searchBoth(text, folded, { from: [0, 0], isOpen: false }, spans);
    },
    searchOpen: (text, folded, from, spans) =>
      searchBoth(text, folded, { from, isOpen: true }, spans),
  };
};
