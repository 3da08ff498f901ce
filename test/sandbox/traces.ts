import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";

/** Names of the control groups that this process's sandboxes have now. */
export const ownCgroups = (pid = process.pid): string[] =>
  [
    "/sys/fs/cgroup",
    ...["memory", "pids", "cpuacct", "cpu"].map((name) => `/sys/fs/cgroup/${name}`),
  ]
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder))
    .filter((name) => name.startsWith(`clawgate-${pid}-`));

/** What this process's sandboxes count when the kernel shares processors out; none where it does not. */
export const ownShares = (): number[] =>
  ownCgroups()
    .flatMap((name) => [`cpu/${name}/cpu.shares`, `${name}/cpu.weight`])
    .map((file) => `/sys/fs/cgroup/${file}`)
    .filter(existsSync)
    .map((file) => Number(readFileSync(file, "utf8")));

/** How long the youngest of this process's control groups is there. */
export const ownCgroupAgeMs = (): number => {
  const born = ownCgroups().map((name) => {
    const folder = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].find((root) =>
      existsSync(`${root}/${name}`),
    );
    return statSync(`${folder}/${name}`).mtimeMs;
  });
  return Date.now() - Math.max(...born);
};

/** Ids of the host's processes whose command line holds the text. */
export const processesWith = (text: string): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && commandLine(pid).includes(text));

/** Ids of the processes in this process's sandboxes whose command line matches. */
export const ownProcesses = (pattern: RegExp): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && isInOwnCgroup(pid) && pattern.test(commandLine(pid)));

const isInOwnCgroup = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(`/clawgate-${process.pid}-`);
  } catch {
    return false;
  }
};

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
