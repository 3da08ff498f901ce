import type { InboxEntry } from "./inbox.ts";
import { type Lane, laneKey } from "./schedule.ts";

/**
 * Messages that this process has just stored and taken, so that most turns need neither read nor
 * decrypt what was in hand a moment ago. Forgetting one costs only that.
 */
export interface FreshEntries {
  /**
   * Something is on its way into a lane: whoever looks there may see it in the store before it is kept.
   * To be ended, by what is returned, right before that.
   */
  beginStoring(lane: Lane): () => void;
  isStoring(lane: Lane): boolean;
  keep(entry: InboxEntry): void;
  /** The one of a lane; gives it once. */
  take(lane: Lane): InboxEntry | undefined;
}

// Under a backlog messages wait long: keeping more of them would only cost memory.
const MOST = 512;

export const createFreshEntries = (): FreshEntries => {
  // Each in a holder that is emptied: a table that V8's Map has outgrown still points to what it held,
  // and once it lies in old memory that outlives its turn by minutes.
  const entries = new Map<string, { entry: InboxEntry | undefined }>();
  const storing = new Set<Lane>();
  return {
    beginStoring: (lane) => {
      storing.add(lane);
      return () => storing.delete(lane);
    },
    isStoring: ({ tenantId, id }) =>
      [...storing].some((lane) => lane.tenantId === tenantId && lane.id === id),
    keep: (entry) => {
      const { tenantId } = entry.scope;
      if (entries.size < MOST) entries.set(laneKey({ id: entry.lane, tenantId }), { entry });
      else entries.clear();
    },
    take: (lane) => {
      const key = laneKey(lane);
      const kept = entries.get(key);
      if (!kept) return undefined;
      entries.delete(key);
      const { entry } = kept;
      kept.entry = undefined;
      return entry;
    },
  };
};
