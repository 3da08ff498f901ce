/** Keeps within what Slack lets us do in one room, each method by itself. */
export interface Pace {
  /**
   * 0: go ahead. Otherwise how long to wait, in milliseconds; who comes back then has a turn.
   * @param who names who waits, e.g. the part
   */
  wait(room: string, method: string, who: string): number;
  /** Slack said that it was too much; `who` was told so has the first turn. */
  limited(room: string, method: string, who: string, afterMs: number): void;
}

interface Limit {
  until: number;
  /** When the next turn that nobody has is. */
  nextTurn: number;
  /** From then on nothing holds us back any more. */
  readonly isOver: (time: number) => boolean;
  readonly turns: Map<string, number>;
}

// Slack allows about one message a second in a room, and bursts beyond it of a size that it does
// not tell. https://docs.slack.dev/apis/web-api/rate-limits
const EVERY_MS = 1_000;
const CAREFUL_FOR_MS = 60_000;

/**
 * Bursts go out as they come until Slack objects; from then on, for a minute, one a second in that
 * room. Other rooms and other methods go on as before.
 */
export const createPace = (now: () => Date): Pace => {
  const limits = new Map<string, Limit>();
  let lastSweep = 0;

  const sweep = (time: number): void => {
    if (time - lastSweep < CAREFUL_FOR_MS) return;
    lastSweep = time;
    for (const [key, limit] of limits) if (limit.isOver(time)) limits.delete(key);
  };

  return {
    wait: (room, method, who) => {
      if (limits.size === 0) return 0;
      const time = now().getTime();
      sweep(time);
      const limit = limits.get(`${method} ${room}`);
      if (!limit || limit.isOver(time)) return 0;
      const turn = limit.turns.get(who) ?? Math.max(limit.nextTurn, time);
      limit.nextTurn = Math.max(limit.nextTurn, turn + EVERY_MS);
      if (turn <= time) {
        limit.turns.delete(who);
        return 0;
      }
      limit.turns.set(who, turn);
      return turn - time;
    },

    limited: (room, method, who, afterMs) => {
      const key = `${method} ${room}`;
      const until = Math.max(now().getTime() + afterMs, limits.get(key)?.until ?? 0);
      limits.set(key, {
        until,
        nextTurn: until + EVERY_MS,
        isOver: (time) => time > until + CAREFUL_FOR_MS,
        // The turns that others had are none any more.
        turns: new Map([[who, until]]),
      });
    },
  };
};
