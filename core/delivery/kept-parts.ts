import type { PartContent } from "./part-content.ts";
import { type Lane, laneKey } from "./schedule.ts";

/** A reply in one part that this process has just stored, to be sent at once. */
export interface KeptPart {
  readonly inboxId: number;
  readonly channel: string;
  readonly content: PartContent;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

/**
 * Replies in the order of their lanes, so that most are sent without being read and decrypted again.
 * The store has the last word on whose turn it is; not to keep one costs only time.
 */
export interface KeptParts {
  keep(lane: Lane, part: KeptPart): void;
  /** Something is stored behind them that is not kept: from then on the store tells what is next. */
  forget(lane: Lane): void;
  /** The oldest one of a lane; gives it once. */
  take(lane: Lane): KeptPart | undefined;
  has(lane: Lane): boolean;
}

// When sends pile up they wait long: keeping more of them would only cost memory.
const MOST = 2_048;

export const createKeptParts = (): KeptParts => {
  const lanes = new Map<string, KeptPart[]>();
  let size = 0;

  const forget = (lane: Lane): void => {
    const key = laneKey(lane);
    size -= lanes.get(key)?.length ?? 0;
    lanes.delete(key);
  };

  return {
    forget,
    has: (lane) => lanes.has(laneKey(lane)),
    keep: (lane, part) => {
      if (size >= MOST) return forget(lane);
      size++;
      const key = laneKey(lane);
      const others = lanes.get(key);
      if (others) others.push(part);
      else lanes.set(key, [part]);
    },
    take: (lane) => {
      const key = laneKey(lane);
      const parts = lanes.get(key);
      const part = parts?.shift();
      if (part !== undefined) size--;
      if (parts?.length === 0) lanes.delete(key);
      return part;
    },
  };
};
