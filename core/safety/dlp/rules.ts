import type { Folded } from "./folded.ts";
import { createPairFilter } from "./pair-filter.ts";
import { createPattern } from "./pattern.ts";
import { compileProgram } from "./program.ts";
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

/** Compiles the rules. Throws RangeError for a pattern that RE2 cannot express. */
export const createRules = (rules: readonly DlpRule[]): Rules => {
  const programs = rules.map(({ name, pattern }) => {
    const program = compileProgram(pattern);
    if (!program) throw new RangeError(`rule ${name}: RE2 cannot express its pattern`);
    return program;
  });
  const filter = createPairFilter(programs);
  const patterns = programs.map(createPattern);

  const everyIndex = patterns.map((_, index) => index);

  const searchOne = (
    text: string,
    from: number,
    indexes: readonly number[],
    spans: Spans,
    folded?: Folded,
  ): number => {
    let settled = text.length;
    for (const index of indexes) {
      const type = rules[index]?.name;
      const pattern = patterns[index];
      if (!pattern || type === undefined) continue;
      const found = spansOf(spans, type);
      const before = found.length;
      settled = Math.min(settled, pattern.search(text, from, found));
      if (!folded) continue;
      for (let i = before; i < found.length; i += 2) {
        found[i] = folded.startOf(found[i] ?? 0);
        found[i + 1] = folded.endOf(found[i + 1] ?? 0);
      }
    }
    return settled;
  };

  const searchBoth = (
    text: string,
    folded: Folded,
    [from, fromFolded]: readonly [number, number],
    spans: Spans,
    indexesFor: (text: string) => readonly number[],
  ): number => {
    const settled = searchOne(text, from, indexesFor(text), spans);
    if (folded.text === text) return settled;
    const indexes = indexesFor(folded.text);
    const other = searchOne(folded.text, fromFolded, indexes, spans, folded);
    return Math.min(settled, folded.startOf(other));
  };

  return {
    search: (text, folded, spans) => {
      searchBoth(text, folded, [0, 0], spans, filter.candidates);
    },
    // The filter looks for what a whole match must hold; here half of one may stand at the end.
    searchOpen: (text, folded, from, spans) =>
      searchBoth(text, folded, from, spans, () => everyIndex),
  };
};
