import { formatProblem, type Problem } from "../../config/problem.ts";

const SHOWN = 50;

/** A policy file cannot be used. `problems` holds everything that is wrong, not only the first. */
export class PolicyFileError extends Error {
  override readonly name = "PolicyFileError";
  readonly code = "POLICY_FILE_INVALID";
  constructor(
    /** The file, as it was named. */
    readonly source: string,
    readonly problems: readonly Problem[],
  ) {
    const lines = problems.slice(0, SHOWN).map(formatProblem);
    const more = problems.length - lines.length;
    if (more > 0) lines.push(`and ${more} more`);
    super([`policy not usable: ${source}`, ...lines.map((line) => `  ${line}`)].join("\n"));
  }
}
