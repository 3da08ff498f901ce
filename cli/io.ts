import type { Writable } from "node:stream";
import type { Environment } from "../config/interpolate.ts";

/** What a verb may touch of the process that it runs in; a test passes its own. */
export interface Io {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
}

/** Takes a verb's exit code: 0 ok, 1 the answer is no, 2 misuse or invalid settings. */
export type Exit = (code: number) => void;

/** Leaves the code to the process, which ends by itself once nothing is left to do. */
export const setExitCode: Exit = (code) => {
  process.exitCode = code;
};
