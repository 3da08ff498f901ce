import { readFileSync } from "node:fs";

/**
 * What the kernel tells of a process, from its state on; undefined when no such process lives.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export const statOf = (pid: number): readonly string[] | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the command in brackets and may hold spaces and brackets itself.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
};

/** The place of a process's start time, in clock ticks since boot, in what `statOf` gives. */
export const STARTED_AT = 19;

/**
 * Names a process for as long as the machine runs: `<pid>-<start time in clock ticks since boot>`.
 * Undefined when no such process lives. The pid alone would be taken for a later process.
 */
export const processIdentity = (pid: number): string | undefined => {
  const fields = statOf(pid);
  return fields && `${pid}-${fields[STARTED_AT]}`;
};

/** Whether the process that a name starts with (`<pid>-<start time>-…`) still lives. */
export const isOwnerAlive = (name: string): boolean => {
  const [pid, startedAt] = name.split("-");
  return processIdentity(Number(pid)) === `${pid}-${startedAt}`;
};
