import type { Language, SlotSpec } from "../driver.ts";

// Beside the main one, Node has threads of its own: 4 that compile and collect garbage, 1 that times
// these, 1 for signals, and 4 for files and names once a job asks for any. Without one it aborts.
// https://nodejs.org/api/cli.html#--v8-pool-sizenum
// https://nodejs.org/api/cli.html#uv_threadpool_sizesize
const OWN_THREADS: Readonly<Record<Language, number>> = { python: 0, javascript: 10, bash: 0 };
const FORWARDER_PROCESSES = 1;

/**
 * How many processes and threads a sandbox holds when its job has all that it may: what its
 * interpreter and the way out need for themselves is not taken from the job.
 */
export const processesIn = ({
  language,
  limits,
  wayOut,
}: Pick<SlotSpec, "language" | "limits" | "wayOut">): number =>
  limits.pids + OWN_THREADS[language] + (wayOut === undefined ? 0 : FORWARDER_PROCESSES);
