import type { RunResult } from "./driver.ts";

/** The result of a job that never ran. */
export const withoutRun = (
  verdict: "blocked" | "killed",
  reason: NonNullable<RunResult["reason"]>,
  detail: string,
): RunResult => ({
  verdict,
  reason,
  detail,
  stdout: Buffer.alloc(0),
  stderr: Buffer.alloc(0),
  isTruncated: false,
  outputs: [],
  usage: { wallMs: 0, cpuMs: 0, peakMemoryBytes: 0 },
});
