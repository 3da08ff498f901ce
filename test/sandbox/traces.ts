import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Names of the control groups that this process's sandboxes have now. */
export const ownCgroups = (pid = process.pid): string[] =>
  ["/sys/fs/cgroup", ...["memory", "pids", "cpuacct"].map((name) => `/sys/fs/cgroup/${name}`)]
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder))
    .filter((name) => name.startsWith(`clawgate-${pid}-`));

/** Ids of the host's processes whose command line holds the text. */
export const processesWith = (text: string): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && commandLine(pid).includes(text));

const commandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
  } catch {
    return "";
  }
};

/** Mount points of the host that hold the text. */
export const mountsWith = (text: string): string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(text));
