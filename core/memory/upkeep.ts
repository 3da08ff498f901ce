import { tenantScope } from "../store/scope.ts";
import type { Memory } from "./memory.ts";

const EVERY_MS = 60 * 60_000;

/**
 * Has every tenant's memory looked at, soon and then once an hour: a process that was killed may have
 * left rows that are found by nothing, and an older version such as it folded otherwise. Returns how
 * to stop.
 */
export const startUpkeep = (
  memory: Pick<Memory, "indexSoon">,
  tenants: () => Iterable<{ readonly id: string }>,
): (() => void) => {
  const look = () => {
    for (const { id } of tenants()) memory.indexSoon(tenantScope(id));
  };
  look();
  const timer = setInterval(look, EVERY_MS).unref();
  return () => clearInterval(timer);
};
