import { readFileSync } from "node:fs";

/**
 * Names a process for as long as the machine runs: `<pid>-<start time in clock ticks since boot>`.
 * Undefined when no such process lives. The pid alone would be taken for a later process.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export const processIdentity = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the command in brackets and may hold spaces and brackets itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return `${pid}-${fields[19]}`;
  } catch {
    return undefined;
  }
};

/** Whether the process that a name starts with (`<pid>-<start time>-…`) still lives. */
export const isOwnerAlive = (name: string): boolean => {
  const [pid, startedAt] = name.split("-");
  return processIdentity(Number(pid)) === `${pid}-${startedAt}`;
};
