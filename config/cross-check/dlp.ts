import { type Draft, itemsOf } from "../draft.ts";
import { patternProblem } from "../pattern.ts";
import type { Report } from "../report.ts";

/** Patterns of data-loss prevention run in linear time, or the settings do not load. */
export const checkDlp = ({ enterprise }: Draft, report: Report): void => {
  for (const [index, rule] of itemsOf(enterprise?.data_loss_prevention?.rules)) {
    const problem = rule.pattern === undefined ? undefined : patternProblem(rule.pattern);
    if (!problem) continue;
    const path = ["enterprise", "data_loss_prevention", "rules", index, "pattern"];
    report.problem(path, problem.found, problem.expected);
  }
};
