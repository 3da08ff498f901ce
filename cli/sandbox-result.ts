import { renameSync, rmSync, writeFileSync } from "node:fs";
import type { RunResult } from "../sandbox/driver.ts";

/** What came of a run, and what is to be said around it. */
export interface ShownRun {
  readonly result: RunResult;
  readonly isolation: string;
  /** Absolute. */
  readonly auditFile: string;
}

/** Writes the result in one piece: whoever sees the file sees all of it. */
export const writeResult = (file: string, run: ShownRun): void => {
  const draft = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, `${JSON.stringify(view(run))}\n`, { flag: "wx" });
    renameSync(draft, file);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw cause;
  }
};

const view = ({ result, isolation, auditFile }: ShownRun) => ({
  verdict: result.verdict,
  reason: result.reason ?? null,
  exit: result.exitCode ?? null,
  signal: result.signal ?? null,
  stdout: result.stdout.toString("base64"),
  stderr: result.stderr.toString("base64"),
  truncated: result.isTruncated,
  usage: {
    wall_ms: Math.round(result.usage.wallMs),
    cpu_ms: Math.round(result.usage.cpuMs),
    max_rss_bytes: Math.round(result.usage.peakMemoryBytes),
  },
  outputs: result.outputs.map(({ path, bytes }) => ({ path, bytes: bytes.toString("base64") })),
  isolation,
  audit_file: auditFile,
});
