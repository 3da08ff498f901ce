import type { RunResult } from "../../driver.ts";
import { withoutRun } from "../../refusal.ts";
import { type CallResult, plain } from "./cli.ts";

/**
 * What became of a job. The CLI ends with the job's exit code, and with its own when something else
 * went wrong. So both must be there: the mark that the job began, and the one that it ended.
 */
export const judge = (
  { reason, code, stdout, stderr, isTruncated }: CallResult,
  mark: string,
  outputBytes: number,
  wallMs: number,
): RunResult => {
  const hasBegun = stdout.indexOf(mark) === 0;
  const end = stderr.lastIndexOf(mark);
  const own = hasBegun ? stdout.subarray(mark.length) : stdout;
  const notes =
    end < 0 ? stderr : Buffer.concat([stderr.subarray(0, end), stderr.subarray(end + mark.length)]);
  const usage = { wallMs, cpuMs: 0, peakMemoryBytes: 0 };
  const common = {
    stdout: own.subarray(0, outputBytes),
    stderr: notes.subarray(0, outputBytes),
    isTruncated: isTruncated || own.length > outputBytes || notes.length > outputBytes,
    outputs: [],
    usage,
  };
  if (reason !== undefined) return { verdict: "killed", reason, ...common };
  if (common.isTruncated) return { verdict: "killed", reason: "output", ...common };
  if (!hasBegun || end < 0) {
    const detail = `openshell sandbox exec failed: exit ${code}: ${hasBegun ? "the sandbox was lost" : plain(stderr)}`;
    return { ...withoutRun("killed", "internal", detail), usage };
  }
  if (code === 0) return { verdict: "ok", exitCode: 0, ...common };
  const signal = code > 128 && code <= 192 ? { signal: code - 128 } : {};
  return { verdict: "error", exitCode: code, ...signal, ...common };
};
