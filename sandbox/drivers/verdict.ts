import type { RunResult } from "../driver.ts";
import type { Ended } from "../supervise.ts";

const EMPTY = { isTruncated: false, outputs: [] } as const;

/** Turns how the engine ended into the job's result. `fault` is set when the engine itself failed. */
export const verdictOf = (ended: Ended, fault: string | undefined): RunResult => {
  const { reason, exitCode, stdout, stderr, usage } = ended;
  if (reason !== undefined) return { verdict: "killed", reason, ...EMPTY, stdout, stderr, usage };
  if (fault !== undefined) {
    // What an engine prints when it fails is not for users' eyes.
    const nothing = Buffer.alloc(0);
    return {
      verdict: "killed",
      reason: "internal",
      detail: fault,
      ...EMPTY,
      stdout: nothing,
      stderr: nothing,
      usage,
    };
  }
  return { verdict: exitCode === 0 ? "ok" : "error", ...EMPTY, exitCode, stdout, stderr, usage };
};
