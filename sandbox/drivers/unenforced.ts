import type { Workshop } from "../workshop.ts";

/** Paths of settings that a local engine cannot hold without control groups, only watch. */
export const unenforcedBy = ({ hasCgroups }: Pick<Workshop, "hasCgroups">): readonly string[] =>
  hasCgroups ? [] : ["openshell.execution.max_cpu_seconds", "openshell.execution.max_memory_mb"];
