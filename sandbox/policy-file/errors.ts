import { formatProblems, type Problem } from "../../config/problem.ts";

/** A policy file cannot be used. `problems` holds everything that is wrong, not only the first. */
export class PolicyFileError extends Error {
  override readonly name = "PolicyFileError";
  readonly code = "POLICY_FILE_INVALID";
  constructor(
    /** The file, as it was named. */
    readonly source: string,
    readonly problems: readonly Problem[],
  ) {
    super(formatProblems(`policy not usable: ${source}`, problems));
  }
}
