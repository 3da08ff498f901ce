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
  /** Searches from an offset of the original text, as it is and as folded. */
  search(text: string, folded: Folded, from: number, fromFolded: number): RuleFindings;
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

  const searchOne = (text: string, from: number, to: (start: number, end: number) => Range) => {
    const findings: Finding[] = [];
    let settled = text.length;
    // One unit more: `\b` looks at it, and so may the first pair.
    for (const index of filter.candidates(text.slice(Math.max(0, from - 1)))) {
      const matches = patterns[index]?.search(text, from);
      const type = rules[index]?.name;
      if (!matches || type === undefined) continue;
      settled = Math.min(settled, matches.settled);
      for (const [start, end] of matches.ranges) findings.push({ type, ...to(start, end) });
    }
    return { findings, settled };
  };

  return {
    search(text, folded, from, fromFolded) {
      if (rules.length === 0) return { findings: [], settled: text.length };
      const own = searchOne(text, from, (start, end) => ({ start, end }));
      if (folded.text === text) return own;
      const other = searchOne(folded.text, fromFolded, (start, end) => ({
        start: folded.startOf(start),
        end: folded.endOf(end),
      }));
      return {
        findings: [...own.findings, ...other.findings],
        settled: Math.min(own.settled, folded.startOf(other.settled)),
      };
    },
  };
};

type Range = Pick<Finding, "start" | "end">;
