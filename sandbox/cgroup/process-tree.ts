import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { SandboxError } from "../errors.ts";
import { STARTED_AT, statOf } from "../process-identity.ts";
import type { Cgroup, CgroupLimits, CgroupTree } from "./cgroup.ts";
import { field } from "./control-file.ts";
import { killProcess } from "./kill-process.ts";

const DEADLINE_MS = 5_000;
// What /proc counts time in; 100 a second on every Linux that Node runs on.
const TICK_MS = 10;

/**
 * Stands in where we may not use control groups: looks at the engine's descendants instead. It sees
 * what is there when it looks, so a job can use more for a moment, and can hide processor time of
 * children that nobody waits for: `isExact` is false, and whoever asks for strict limits is refused.
 */
export const createProcessTree = (): CgroupTree => ({
  isExact: false,
  create: (_, limits) => open(limits),
  async sweep(isLeftover) {
    const deadline = Date.now() + DEADLINE_MS;
    for (const { pid, words } of processes()) {
      // Every engine names its slot's folder, and so whose it is.
      const owner = /\/(clawgate-\d+-\d+-[0-9a-f]{8})\//.exec(words())?.[1];
      if (owner !== undefined && isLeftover(owner)) await killTree(pid, deadline);
    }
  },
});

const open = ({ processes: mostProcesses }: CgroupLimits): Cgroup => {
  let root: number | undefined;
  let cpuMs = 0;
  let peakBytes = 0;
  let full = 0;
  const living = () => (root === undefined ? [] : treeOf(root));
  const memoryBytes = (): number => {
    const bytes = living().reduce((sum, { pid }) => sum + shareOfMemory(pid), 0);
    peakBytes = Math.max(peakBytes, bytes);
    return bytes;
  };
  return {
    entrances: [],
    adopt(pid) {
      root = pid;
    },
    hurry: () => {},
    cpuMs() {
      const ticks = living().reduce((sum, process) => sum + process.ticks, 0);
      cpuMs = Math.max(cpuMs, ticks * TICK_MS); // what has ended is seen no more
      return cpuMs;
    },
    memoryBytes,
    peakMemoryBytes: () => peakBytes,
    isOutOfMemory: () => false,
    // What is refused cannot be seen from here, only that there are as many as there may be.
    refusedForks() {
      if (living().length >= mostProcesses) full++;
      return full;
    },
    async kill() {
      if (root !== undefined) await killTree(root, Date.now() + DEADLINE_MS);
    },
    remove: async () => {},
  };
};

const killTree = async (root: number, deadline: number): Promise<void> => {
  // Who outlives its parent is somebody else's child: so each is remembered once it was seen.
  const seen = new Map<number, string>();
  for (;;) {
    const all = processes();
    for (const { pid, startedAt } of treeOf(root, all)) seen.set(pid, startedAt);
    const left = all.filter(({ pid, startedAt, isDead }) => !isDead && seen.get(pid) === startedAt);
    for (const { pid } of left)
      for (const child of treeOf(pid, all)) seen.set(child.pid, child.startedAt);
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new SandboxError(`${left.length} processes do not die`);
    for (const { pid } of left) killProcess(pid);
    await delay(2);
  }
};

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Its own and that of the children it waited for. */
  readonly ticks: number;
  readonly startedAt: string;
  readonly isDead: boolean;
  words(): string;
}

/** A process and all that descend from it. */
const treeOf = (root: number, all: readonly Process[] = processes()): readonly Process[] => {
  const children = new Map<number, Process[]>();
  for (const process of all) {
    const siblings = children.get(process.parent);
    if (siblings) siblings.push(process);
    else children.set(process.parent, [process]);
  }
  const found: Process[] = all.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...(children.get(pid) ?? []));
  return found;
};

const processes = (): readonly Process[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const fields = statOf(Number(name));
      if (fields === undefined || fields.length <= STARTED_AT) return [];
      const [state = "", parent] = fields;
      return {
        pid: Number(name),
        parent: Number(parent),
        ticks: fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0),
        startedAt: fields[STARTED_AT] ?? "",
        isDead: state === "Z" || state === "X",
        words: () => commandLineOf(name),
      };
    });

/** Pages that several processes share count for each in part. */
const shareOfMemory = (pid: number): number => field(`/proc/${pid}/smaps_rollup`, "Pss:") * 1024;

const commandLineOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return ""; // gone meanwhile
  }
};
