import { pino } from "pino";
import type { Log } from "../core/contract/log.ts";

/** The log of a process, for machines: a JSON object in each line. */
export interface OpenLog {
  readonly log: Log;
  /** Writes what is left; resolves when that is done, or the disk does not take it. */
  flush(): Promise<void>;
}

// What waits for a disk that takes nothing: with a full one it would grow for good.
const MOST_KEPT_BYTES = 8 * 1024 * 1024;

/**
 * Writes to this file, asynchronously. A log that nobody reads, or that no disk takes, is no reason to
 * stop answering: what does not fit into 8 MiB then is left out.
 */
export const openLog = (fd: number): OpenLog => {
  // A write of its own for every line costs more than the line: so many at a time, none held long.
  const batched = { sync: false, minLength: 8192, periodicFlush: 100 };
  const destination = pino.destination({ dest: fd, ...batched, maxLength: MOST_KEPT_BYTES });
  destination.on("error", () => {
    // It tries again until there is room, at the end of the process for ever.
    destination.flushSync = () => {};
  });
  const flush = async (): Promise<void> => {
    await new Promise<unknown>((resolve) => {
      destination.once("error", resolve);
      destination.flush(resolve);
    });
    destination.flushSync();
  };
  return { log: pino({ base: null }, destination), flush };
};
