import type { Finding } from "./finding.ts";
import type { Folded } from "./folded.ts";
import { createPairFilter } from "./pair-filter.ts";
import { createPattern } from "./pattern.ts";
import { compileProgram } from "./program.ts";

/** A customer's rule, as `enterprise.data_loss_prevention.rules` says it. */
export interface DlpRule {
  readonly name: string;
  /** RE2 syntax. */
  readonly pattern: string;
  readonly action: "redact" | "block";
}

/** What the rules find. */
interface RuleFindings {
  readonly findings: readonly Finding[];
  /** What starts before this offset stays as it is whatever text follows. */
  readonly settled: number;
}

/** The customer's rules, ready to search with. */
export interface Rules {
  /** Searches a text, as it is and as folded. */
  search(text: string, folded: Folded): RuleFindings;
  /** Searches a text that goes on from an offset on: what stands before it is context. */
  searchOpen(text: string, folded: Folded, from: number, fromFolded: number): RuleFindings;
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
    toRange: (start: number, end: number) => Range,
  ): RuleFindings => {
    const findings: Finding[] = [];
    let settled = text.length;
    for (const index of indexes) {
      const matches = patterns[index]?.search(text, from);
      const type = rules[index]?.name;
      if (!matches || type === undefined) continue;
      settled = Math.min(settled, matches.settled);
      for (const [start, end] of matches.ranges) findings.push({ type, ...toRange(start, end) });
    }
    return { findings, settled };
  };

  const searchBoth = (
    text: string,
    folded: Folded,
    [from, fromFolded]: readonly [number, number],
    indexesFor: (text: string) => readonly number[],
  ): RuleFindings => {
    const own = searchOne(text, from, indexesFor(text), (start, end) => ({ start, end }));
    if (folded.text === text) return own;
    const other = searchOne(folded.text, fromFolded, indexesFor(folded.text), (start, end) => ({
      start: folded.startOf(start),
      end: folded.endOf(end),
    }));
    return {
      findings: [...own.findings, ...other.findings],
      settled: Math.min(own.settled, folded.startOf(other.settled)),
    };
  };

  return {
    search: (text, folded) => searchBoth(text, folded, [0, 0], filter.candidates),
    // The filter looks for what a whole match must hold; here half of one may stand at the end.
    searchOpen: (text, folded, from, fromFolded) =>
      searchBoth(text, folded, [from, fromFolded], () => everyIndex),
  };
};

type Range = Pick<Finding, "start" | "end">;
