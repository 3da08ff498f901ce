import type { Cgroup, CgroupLimits } from "./cgroup.ts";

/** Where one version of control groups keeps its files. */
export interface Layout {
  /** The folders in which groups lie. */
  readonly parents: readonly string[];
  /** The folders of one group. */
  folders(name: string): readonly string[];
  /** The file of such a folder by which a process of one thread enters. */
  readonly entrance: string;
  limit(name: string, limits: CgroupLimits): void;
  /** Sets how much of the processor a group gets beside others, where the kernel shares it out. */
  share(name: string, yields: boolean): void;
  counters(
    name: string,
  ): Pick<Cgroup, "cpuMs" | "memoryBytes" | "peakMemoryBytes" | "isOutOfMemory" | "refusedForks">;
  forbidForks(name: string): void;
  /** Sends SIGKILL to all at once; false where the kernel has no file for it. */
  killAll(name: string): boolean;
}
