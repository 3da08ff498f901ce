import { openSync, readSync } from "node:fs";

// Nanoseconds that the scheduler gave the main thread come first, https://docs.kernel.org/scheduler/sched-stats.html
const file = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
const bytes = Buffer.alloc(64);
const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Milliseconds that the main thread had of the processor so far. For Linux. */
export const mainThreadMs = () => {
  // The scheduler brings the figure up to date when it takes the thread off the processor.
  Atomics.wait(nothing, 0, 0, 0.05);
  const read = readSync(file, bytes, 0, bytes.length, 0);
  return Number.parseInt(bytes.toString("latin1", 0, read), 10) / 1e6;
};
