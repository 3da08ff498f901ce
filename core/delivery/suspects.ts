import { type Lane, laneKey } from "./schedule.ts";

/**
 * Messages under which processes died. The last process that gets one runs no other such message
 * beside it: if it dies too, this one did it, and those that only happened to be running are not
 * given up with it.
 */
export interface Suspects {
  /** Whether a message may be begun now; if not, its lane is woken when it is its turn. */
  admit(lane: Lane, attempt: number): boolean;
  /** To be told of the end of every step, of the same lane that was to be admitted. */
  stepEnded(lane: Lane): void;
}

/** @param lastAttempt the attempt at which a message has no further one */
export const createSuspects = (lastAttempt: number, wake: (lane: Lane) => void): Suspects => {
  let running: Lane | undefined;
  const waiting = new Map<string, Lane>();
  return {
    admit: (lane, attempt) => {
      if (attempt !== lastAttempt) return true;
      if (running) {
        waiting.set(laneKey(lane), lane);
        return false;
      }
      running = lane;
      return true;
    },
    stepEnded: (lane) => {
      if (running !== lane) return;
      running = undefined;
      const [next] = waiting;
      if (!next) return;
      waiting.delete(next[0]);
      wake(next[1]);
    },
  };
};
