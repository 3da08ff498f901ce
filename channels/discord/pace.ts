import { setTimeout } from "node:timers/promises";

/** Spreads calls so that no second sees more of them than are allowed; who comes first goes first. */
export interface Pace {
  /**
   * Resolves when it is this call's turn: with 0, or with the milliseconds until it would have been
   * one where that is longer than `longestMs`. Rejects only when the signal aborts; a turn that was
   * waited for is used up then.
   */
  turn(longestMs: number, signal: AbortSignal | undefined): Promise<number>;
  /**
   * The same for a call that nobody waits for, which waits itself as long as it takes: it gets a turn
   * while half of them are free, and otherwise one in ten, so that all come to an end however much
   * others have to say.
   */
  spareTurn(longestMs: number, signal: AbortSignal | undefined): Promise<number>;
}

const WINDOW_MS = 1_000;

const nothing = (): void => {};

/** A burst of `perSecond` goes at once; the call behind it when its first one is a second ago. */
export const createPace = (perSecond: number): Pace => {
  // The last so many turns, also those that are still waited for; the oldest is at `next`.
  const turns: number[] = Array.from({ length: perSecond }, () => Number.NEGATIVE_INFINITY);
  const half = Math.ceil(perSecond / 2);
  const everyMs = (10 * WINDOW_MS) / perSecond;
  let next = 0;
  let before: Promise<void> = Promise.resolve();
  let lastSpareAt = Number.NEGATIVE_INFINITY;

  const turn: Pace["turn"] = async (longestMs, signal) => {
    const time = performance.now();
    const at = Math.max(time, (turns[next] ?? 0) + WINDOW_MS);
    const waitMs = at - time;
    if (waitMs > longestMs) return waitMs;
    turns[next] = at;
    next = (next + 1) % perSecond;
    if (waitMs > 0) {
      // Timers that end together do not end in order.
      const mine = Promise.all([
        setTimeout(Math.ceil(waitMs), undefined, signal && { signal }),
        before,
      ]);
      before = mine.then(nothing, nothing);
      await mine;
    }
    return 0;
  };

  return {
    turn,
    spareTurn: async (longestMs, signal) => {
      for (;;) {
        const time = performance.now();
        // Free again when the last half of them is a second ago.
        const halfFreeMs = (turns[(next + perSecond - half) % perSecond] ?? 0) + WINDOW_MS - time;
        const waitMs = Math.min(halfFreeMs, lastSpareAt + everyMs - time);
        if (waitMs > 0) {
          await setTimeout(Math.ceil(waitMs), undefined, signal && { signal });
          continue;
        }
        lastSpareAt = time;
        return turn(longestMs, signal);
      }
    },
  };
};
