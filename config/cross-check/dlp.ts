import { type Draft, itemsOf } from "../draft.ts";
import { patternProblem, stepsOf } from "../pattern.ts";
import type { Report } from "../report.ts";

// What an engine can look for in a text of 100 KiB within its time.
const MAX_RULES = 300;
const MAX_STEPS = 20_000;

/** Patterns of data-loss prevention run in linear time, or the settings do not load. */
export const checkDlp = ({ enterprise }: Draft, report: Report): void => {
  const path = ["enterprise", "data_loss_prevention", "rules"];
  const rules = itemsOf(enterprise?.data_loss_prevention?.rules);
  if (rules.length > MAX_RULES) {
    report.problem(path, `${rules.length} rules`, `at most ${MAX_RULES}: join some of them with |`);
    return;
  }
  let steps = 0;
  for (const [index, rule] of rules) {
    if (rule.pattern === undefined) continue;
    const place = [...path, index, "pattern"];
    const problem = patternProblem(rule.pattern);
    if (problem) {
      report.problem(place, problem.found, problem.expected);
      continue;
    }
    const before = steps;
    steps += stepsOf(rule.pattern);
    if (before > MAX_STEPS || steps <= MAX_STEPS) continue;
    report.problem(
      place,
      `a pattern that brings all of them to ${steps} steps of an automaton`,
      `at most ${MAX_STEPS}: smaller counts in {…}, lists of words as a lexicon (moderation.lexicons)`,
    );
  }
};
