import { existsSync, realpathSync } from "node:fs";
import { field, integer, write, writeIfThere } from "./control-file.ts";
import type { Layout } from "./layout.ts";

const NEEDED = ["memory", "pids", "cpuacct"];
/**
 * Shares out processors: a job of sixty threads counts as one of ours and does not leave the gateway a
 * sixtieth. No less than one, since here each of our threads competes by itself and not as a group.
 */
const WANTED = "cpu";
/** What a group has that nobody gave other shares. */
const SHARES = 1024;

/**
 * Version 1: a hierarchy, and so a folder of a group, for each controller. Undefined where one of
 * those that we need is not mounted.
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
 */
export const splitLayout = (root: string): Layout | undefined => {
  const isMounted = (controller: string) => existsSync(`${root}/${controller}/cgroup.procs`);
  if (!NEEDED.every(isMounted)) return undefined;
  const controllers = isMounted(WANTED) ? [...NEEDED, WANTED] : NEEDED;
  // Most systems mount cpu and cpuacct as one hierarchy with two names.
  const parents = [
    ...new Set(controllers.map((controller) => realpathSync(`${root}/${controller}`))),
  ];
  const memory = (name: string, file: string) => `${root}/memory/${name}/memory.${file}`;
  const pidsMax = (name: string) => `${root}/pids/${name}/pids.max`;
  return {
    parents,
    folders: (name) => parents.map((parent) => `${parent}/${name}`),
    // For a whole process the kernel first waits until no other one can be forking: some 10 ms.
    // Who moves the only thread that it has, itself, need not wait.
    entrance: "tasks",
    limit(name, { memoryBytes, processes }) {
      write(memory(name, "limit_in_bytes"), memoryBytes);
      // Memory and swap together; absent where the kernel does not account swap.
      writeIfThere(memory(name, "memsw.limit_in_bytes"), memoryBytes);
      write(pidsMax(name), processes);
    },
    share(name, yields) {
      writeIfThere(`${root}/cpu/${name}/cpu.shares`, yields ? SHARES / 4 : SHARES);
    },
    counters: (name) => ({
      cpuMs: () => integer(`${root}/cpuacct/${name}/cpuacct.usage`) / 1e6,
      memoryBytes: () => integer(memory(name, "usage_in_bytes")),
      peakMemoryBytes: () => integer(memory(name, "max_usage_in_bytes")),
      isOutOfMemory: () => field(memory(name, "oom_control"), "oom_kill") > 0,
      refusedForks: () => field(`${root}/pids/${name}/pids.events`, "max"),
    }),
    forbidForks: (name) => void writeIfThere(pidsMax(name), 0),
    killAll: () => false,
  };
};
