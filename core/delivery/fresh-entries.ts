import type { InboxEntry } from "./inbox.ts";
import type { Lane } from "./schedule.ts";

/**
 * Messages that this process has just stored and taken, so that most turns need neither read nor
 * decrypt what was in hand a moment ago. Forgetting one costs only that.
 */
export interface FreshEntries {
  keep(entry: InboxEntry): void;
  /** The one of a lane; gives it once. */
  take(lane: Lane): InboxEntry | undefined;
}

// Under a backlog messages wait long: keeping more of them would only cost memory.
const MOST = 512;

export const createFreshEntries = (): FreshEntries => {
  const entries = new Map<string, InboxEntry>();
  return {
    keep: (entry) => {
      if (entries.size < MOST) entries.set(keyOf(entry.scope.tenantId, entry.lane), entry);
      else entries.clear();
    },
    take: ({ tenantId, id }) => {
      const key = keyOf(tenantId, id);
      const entry = entries.get(key);
      if (entry) entries.delete(key);
      return entry;
    },
  };
};

const keyOf = (tenantId: string, lane: string): string => `${tenantId}\n${lane}`;
