import type { RunResult } from "../driver.ts";
import type { Space } from "../space.ts";
import type { Ended } from "../supervise.ts";

/** What an engine says of how its sandbox ended. */
export interface Finding {
  /** Set when the engine itself failed: what happened, for an operator. */
  readonly fault?: string;
  /** Number of the signal that ended the job, where the engine can tell; else the exit code must. */
  readonly signal?: number | "none";
  /** Whether the engine's own kernel refused the job a process. */
  readonly isShortOfProcesses?: boolean;
}

const LAST_SIGNAL = 64;

/** Turns how the engine ended into the job's result. Nothing of it is what the job says of itself. */
export const verdictOf = (
  ended: Ended,
  { fault, signal: told, isShortOfProcesses }: Finding,
  space: Pick<Space, "isFull">,
): RunResult => {
  const { exitCode, stdout, stderr, isTruncated, usage } = ended;
  const common = { outputs: [], isTruncated, stdout, stderr, usage };
  if (ended.reason === undefined && fault !== undefined) {
    // What an engine prints when it fails is not for users' eyes.
    const nothing = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
    return { verdict: "killed", reason: "internal", detail: fault, ...common, ...nothing };
  }
  if (ended.reason !== undefined) return { verdict: "killed", reason: ended.reason, ...common };
  const signal = told ?? signalIn(exitCode);
  const status = { exitCode, ...(typeof signal === "number" ? { signal } : {}) };
  if (exitCode === 0) return { verdict: "ok", ...status, ...common };
  // It failed, and it had run into a limit: that is the reason, unless it could help itself.
  const isShort = isShortOfProcesses ?? ended.isShortOfProcesses;
  const limit = space.isFull() ? "disk" : isShort ? "pids" : undefined;
  if (limit !== undefined) return { verdict: "killed", reason: limit, ...status, ...common };
  return { verdict: "error", ...status, ...common };
};

/** A shell's way of saying that a signal ended it; a job that exits so says the same. */
const signalIn = (exitCode: number): number | "none" =>
  exitCode > 128 && exitCode <= 128 + LAST_SIGNAL ? exitCode - 128 : "none";
