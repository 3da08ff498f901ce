import { accessSync, constants, mkdirSync, readFileSync } from "node:fs";
import { SandboxError } from "../errors.ts";
import { field, integer, words, write, writeIfThere } from "./control-file.ts";
import type { Layout } from "./layout.ts";

const CONTROLLERS = ["memory", "pids"];
/** Of 100 that every other group has: people who wait for the gateway come before jobs. */
const CPU_WEIGHT = 24;

/**
 * Version 2: one folder per group. Undefined where this is not how memory and processes are
 * controlled. @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export const unifiedLayout = (root: string): Layout | undefined => {
  const available = words(`${root}/cgroup.controllers`);
  if (!CONTROLLERS.every((controller) => available.includes(controller))) return undefined;
  const isShared = words(`${root}/cgroup.subtree_control`).includes("cpu");
  handDownControllers(root);
  if (available.includes("cpu") && !isShared) shareProcessors(root);
  const file = (name: string, control: string) => `${root}/${name}/${control}`;
  return {
    parents: [root],
    folders: (name) => [`${root}/${name}`],
    // Threads cannot be moved by themselves here.
    entrance: "cgroup.procs",
    limit(name, { memoryBytes, processes }) {
      write(file(name, "memory.max"), memoryBytes);
      writeIfThere(file(name, "memory.swap.max"), 0);
      writeIfThere(file(name, "memory.oom.group"), 1);
      write(file(name, "pids.max"), processes);
    },
    share(name, yields) {
      writeIfThere(file(name, "cpu.weight"), yields ? CPU_WEIGHT / 4 : CPU_WEIGHT);
    },
    counters: (name) => ({
      cpuMs: () => field(file(name, "cpu.stat"), "usage_usec") / 1e3,
      memoryBytes: () => integer(file(name, "memory.current")),
      peakMemoryBytes: () => integer(file(name, "memory.peak")),
      isOutOfMemory: () => field(file(name, "memory.events"), "oom_kill") > 0,
      refusedForks: () => field(file(name, "pids.events"), "max"),
    }),
    forbidForks: (name) => void writeIfThere(file(name, "pids.max"), 0),
    killAll: (name) => writeIfThere(file(name, "cgroup.kill"), 1),
  };
};

/** Groups have the files of a controller only when their parent hands it down. */
const handDownControllers = (root: string): void => {
  const control = `${root}/cgroup.subtree_control`;
  const enabled = words(control);
  const absent = CONTROLLERS.filter((controller) => !enabled.includes(controller));
  if (absent.length === 0) return;
  const enable = () => write(control, absent.map((controller) => `+${controller}`).join(" "));
  try {
    try {
      enable();
    } catch {
      // A group hands controllers down only when no process is in itself; in a container we may be.
      stepDown(root);
      enable();
    }
  } catch (cause) {
    throw new SandboxError(
      `cannot enable ${absent.join(" and ")} in ${control}: run the gateway where it may manage control groups`,
      { cause },
    );
  }
};

/**
 * Lets groups compete for processors as one each, not by their threads, so that a job of sixty does
 * not leave the gateway a sixtieth. Only fairness hangs on it, so a kernel that refuses is let be.
 */
const shareProcessors = (root: string): void => {
  try {
    write(`${root}/cgroup.subtree_control`, "+cpu");
  } catch {
    // E.g. where processes of real time run outside of the machine's root group.
  }
};

const stepDown = (root: string): void => {
  mkdirSync(`${root}/gateway`, { recursive: true });
  for (const pid of words(`${root}/cgroup.procs`)) write(`${root}/gateway/cgroup.procs`, pid);
};

/**
 * The group that this process is in, where somebody handed it to our user to divide it. Undefined
 * where nobody did. @see https://docs.kernel.org/admin-guide/cgroup-v2.html#delegation
 */
export const delegatedRoot = (mount = "/sys/fs/cgroup"): string | undefined => {
  const own = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "latin1"))?.[1];
  if (own === undefined) return undefined;
  const root = `${mount}${own === "/" ? "" : own}`;
  try {
    for (const file of ["cgroup.procs", "cgroup.subtree_control"]) {
      accessSync(`${root}/${file}`, constants.W_OK);
    }
    return root;
  } catch {
    return undefined;
  }
};
