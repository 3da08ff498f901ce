import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Thread } from "./parsed.ts";

/** The threads that the agent takes part in: what is said there is meant for it. */
export interface Threads {
  /** Rejects when it cannot be remembered. */
  join(thread: Thread): Promise<void>;
  /** Rejects when it cannot be told. */
  isIn(thread: Thread): Promise<boolean>;
}

const KEPT_MS = 90 * 24 * 60 * 60_000;
/** Joined again within this time, a thread is not put down anew. */
const FRESH_MS = 24 * 60 * 60_000;
const REMEMBERED = 20_000;

/** Threads are kept for 90 days after the agent was last called in them, across restarts. */
export const createThreads = (state: ChannelState, now: () => Date): Threads => {
  // When each was put down by this process, the oldest first.
  const fresh = new Map<string, number>();
  const isFresh = (key: string): boolean =>
    now().getTime() - (fresh.get(key) ?? Number.NEGATIVE_INFINITY) < FRESH_MS;

  return {
    join: async (thread) => {
      const key = keyOf(thread);
      if (isFresh(key)) return;
      await state.put(key, "", KEPT_MS);
      fresh.delete(key);
      fresh.set(key, now().getTime());
      const [oldest] = fresh.keys();
      if (fresh.size > REMEMBERED && oldest !== undefined) fresh.delete(oldest);
    },
    // Not that there is none: another process may have joined since.
    isIn: async (thread) =>
      isFresh(keyOf(thread)) || (await state.get(keyOf(thread))) !== undefined,
  };
};

const keyOf = ({ teamId, channelId, ts }: Thread): string => `thread/${teamId}/${channelId}/${ts}`;
