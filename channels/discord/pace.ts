import { setTimeout } from "node:timers/promises";

/** Spreads calls so that no second sees more of them than are allowed; who comes first goes first. */
export interface Pace {
  /**
   * Resolves when it is this call's turn: with 0, or with the milliseconds until it would have been
   * one where that is longer than `longestMs`. Rejects only when the signal aborts; a turn that was
   * waited for is used up then.
   */
  turn(longestMs: number, signal: AbortSignal | undefined): Promise<number>;
}

const WINDOW_MS = 1_000;

/** A burst of `perSecond` goes at once; the call behind it when its first one is a second ago. */
export const createPace = (perSecond: number): Pace => {
  // The last so many turns, also those that are still waited for; the oldest is at `next`.
  const turns: number[] = Array.from({ length: perSecond }, () => Number.NEGATIVE_INFINITY);
  let next = 0;

  return {
    turn: async (longestMs, signal) => {
      const time = performance.now();
      const at = Math.max(time, (turns[next] ?? 0) + WINDOW_MS);
      const waitMs = at - time;
      if (waitMs > longestMs) return waitMs;
      turns[next] = at;
      next = (next + 1) % perSecond;
      if (waitMs > 0) await setTimeout(Math.ceil(waitMs), undefined, signal && { signal });
      return 0;
    },
  };
};
