import { type Lane, laneKey } from "./schedule.ts";

/**
 * Messages under which processes died. The first that a process gets runs with no other beside it: if
 * the process dies too, this one did it, and those that only happened to be running are not given up
 * with it. Since what ends all processes at once leaves many such messages, each that ends makes room
 * for one more beside the next. Whose process dies then has another attempt, but at its last one it
 * runs alone whatever the room: what kills would else live for as long as others come before it.
 */
export interface Suspects {
  /**
   * Whether a message may be begun now: as which attempt that is written down. None: its lane is
   * woken when it is its turn.
   */
  admit(lane: Lane, attempt: number): number | undefined;
  /**
   * When one that was not admitted is to be looked at again, if nothing wakes it: another process may
   * have ended what was to end before it. Together so many look in a second, however many they are.
   */
  readonly lookAgainMs: number;
  /** To be told that nothing is left in a lane: another process may have ended what waited there. */
  foundEmpty(lane: Lane): void;
  /** To be told of the end of every step, of the same lane that was to be admitted. */
  stepEnded(lane: Lane): void;
}

const FEW_LOOK_AGAIN_MS = 250;
// A hundred looks a second, each a read and a decryption.
const LOOKS_APART_MS = 10;

/**
 * @param firstAttempt that may be what killed the processes before it
 * @param lastAttempt the attempt at which a message has no further one
 */
export const createSuspects = (
  [firstAttempt, lastAttempt]: readonly [firstAttempt: number, lastAttempt: number],
  wake: (lane: Lane) => void,
): Suspects => {
  const running = new Set<Lane>();
  const waiting = new Map<string, Lane>();
  /** One that waited was woken, and none has come since. */
  let isExpecting = false;
  let room = 1;
  const wakeNext = (): void => {
    const [next] = waiting;
    if (!next) return;
    const [key, lane] = next;
    waiting.delete(key);
    isExpecting = true;
    wake(lane);
  };
  return {
    admit: (lane, attempt) => {
      if (attempt < firstAttempt || attempt > lastAttempt) return attempt;
      // Some time after the others: that they ended says nothing about this one.
      if (running.size + waiting.size === 0 && !isExpecting) room = 1;
      const key = laneKey(lane);
      const ownRoom = attempt === lastAttempt ? 1 : room;
      if (running.size >= ownRoom) {
        waiting.set(key, lane);
        return undefined;
      }
      isExpecting = false;
      waiting.delete(key);
      running.add(lane);
      room = ownRoom;
      return room === 1 ? lastAttempt : attempt;
    },
    get lookAgainMs() {
      return Math.max(FEW_LOOK_AGAIN_MS, waiting.size * LOOKS_APART_MS);
    },
    foundEmpty: (lane) => {
      if (waiting.size === 0) return;
      waiting.delete(laneKey(lane));
      // It may be the one that was woken.
      if (running.size < room) wakeNext();
    },
    stepEnded: (lane) => {
      if (!running.delete(lane)) return;
      room++;
      // In the place of what ended, and in the room that it made.
      wakeNext();
      wakeNext();
    },
  };
};
