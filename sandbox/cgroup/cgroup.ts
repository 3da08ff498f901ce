import { mkdirSync, readdirSync } from "node:fs";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { SandboxError } from "../errors.ts";
import { removeFolder, words } from "./control-file.ts";
import { killProcess } from "./kill-process.ts";
import type { Layout } from "./layout.ts";
import { createProcessTree } from "./process-tree.ts";
import { splitLayout } from "./split.ts";
import { delegatedRoot, unifiedLayout } from "./unified.ts";

/** What a group of processes may use at most. */
export interface CgroupLimits {
  readonly memoryBytes: number;
  readonly processes: number;
  /** Gets a quarter of the processor that it would get, until it is to `hurry`. Default false. */
  readonly yields?: boolean;
}

/** A group of processes that the kernel limits, counts and lets us kill as one. */
export interface Cgroup {
  /** A process that has one thread only enters by writing 0 into each of these files. */
  readonly entrances: readonly string[];
  /** Told of the first process, which entered if there is a way to. */
  adopt(pid: number): void;
  /** From now on somebody waits for what it does. */
  hurry(): void;
  /** CPU time of all processes that ever were in the group. */
  cpuMs(): number;
  memoryBytes(): number;
  /** 0 where the kernel does not count it. */
  peakMemoryBytes(): number;
  /** Whether the kernel killed a process of the group because its memory was used up. */
  isOutOfMemory(): boolean;
  /** How often the group was refused a process for having its full number; 0 where not counted. */
  refusedForks(): number;
  /**
   * Kills every process; resolves when none is left. Throws SandboxError when they will not die.
   * `sign`, where there is one, resolves about when the last one dies, so that it is seen at once.
   */
  kill(sign?: Promise<unknown>): Promise<void>;
  /** Removes the group, which must be empty. */
  remove(): Promise<void>;
}

/** The machine's control groups. */
export interface CgroupTree {
  /** Whether the kernel holds the limits; else we look and kill, which can come late. */
  readonly isExact: boolean;
  create(name: string, limits: CgroupLimits): Cgroup;
  /** Kills and removes the groups that the caller knows to be leftovers. */
  sweep(isLeftover: (name: string) => boolean): Promise<void>;
}

const DEADLINE_MS = 5_000;
/** How often it is looked without a pause between once there was a sign that the last one died. */
const QUICK_LOOKS = 10;
const NO_SIGN = new Promise<never>(() => {});

/**
 * Finds out which kind of control groups this machine has and whether we may use them. Throws
 * SandboxError when not: without limits nothing runs.
 */
export const findCgroups = (root = "/sys/fs/cgroup"): CgroupTree => {
  const layout = unifiedLayout(root) ?? splitLayout(root);
  if (layout === undefined) {
    throw new SandboxError(
      `no control groups for memory and processes under ${root}: mount them, or give the gateway's container access to them`,
    );
  }
  return {
    isExact: true,
    create(name, limits) {
      for (const folder of layout.folders(name)) mkdirSync(folder);
      layout.limit(name, limits);
      layout.share(name, limits.yields === true);
      return open(layout, name);
    },
    async sweep(isLeftover) {
      const names = new Set(layout.parents.flatMap((parent) => readdirSync(parent)));
      for (const name of [...names].filter(isLeftover)) {
        const cgroup = open(layout, name);
        await cgroup.kill();
        await cgroup.remove();
      }
    },
  };
};

/**
 * What holds limits for whoever runs this process: control groups, or, for another user than root to
 * whom none were handed, a watch that is not exact.
 */
export const findLimits = (): CgroupTree => {
  if (process.getuid?.() === 0) return findCgroups();
  const root = delegatedRoot();
  return root === undefined ? createProcessTree() : findCgroups(root);
};

const open = (layout: Layout, name: string): Cgroup => {
  const folders = layout.folders(name);
  const pids = () => new Set(folders.flatMap((folder) => words(`${folder}/cgroup.procs`)));
  return {
    entrances: folders.map((folder) => `${folder}/${layout.entrance}`),
    adopt: () => {}, // it wrote itself into the entrances
    hurry: () => layout.share(name, false),
    ...layout.counters(name),
    async kill(sign = NO_SIGN) {
      const deadline = Date.now() + DEADLINE_MS;
      layout.forbidForks(name); // or a fork bomb would outrun us
      let looks = 0;
      for (let left = pids(); left.size > 0; left = pids()) {
        if (Date.now() > deadline) {
          throw new SandboxError(`${left.size} processes of control group ${name} do not die`);
        }
        if (!layout.killAll(name)) for (const pid of left) killProcess(Number(pid));
        const pause = delay(1);
        await (looks++ < QUICK_LOOKS ? Promise.race([pause, sign.then(() => turn())]) : pause);
      }
    },
    async remove() {
      const deadline = Date.now() + DEADLINE_MS;
      for (const folder of layout.folders(name)) {
        // The kernel says EBUSY for a moment after the last process went.
        while (!removeFolder(folder)) {
          if (Date.now() > deadline) throw new SandboxError(`control group ${folder} stays busy`);
          await delay(5);
        }
      }
    },
  };
};
