/** Keeps an application within what one person may get from it. */
export interface Pace {
  /** 0: go ahead, and it counts. Otherwise how long this person has to wait, in milliseconds. */
  reserve(userId: string): number;
}

const LONGEST_MS = 60 * 60_000 + 2_000;
// What is sent beyond 30 a minute or 1000 an hour is dropped without an error, so it must not be
// sent. A little longer than that, because the platform counts when a message arrives.
// https://developer.work.weixin.qq.com/document/path/90312
const LIMITS = [
  { messages: 30, withinMs: 62_000 },
  { messages: 1000, withinMs: LONGEST_MS },
] as const;

export const createPace = (now: () => Date): Pace => {
  const sentAt = new Map<string, number[]>(); // oldest first, the last hour
  let lastSweep = 0;

  const sweep = (time: number): void => {
    if (time - lastSweep < LONGEST_MS) return;
    lastSweep = time;
    for (const [userId, times] of sentAt) {
      if ((times.at(-1) ?? 0) <= time - LONGEST_MS) sentAt.delete(userId);
    }
  };

  return {
    reserve: (userId) => {
      const time = now().getTime();
      sweep(time);
      const times = (sentAt.get(userId) ?? []).filter((sent) => sent > time - LONGEST_MS);
      const waits = LIMITS.map(({ messages, withinMs }) => {
        const blocking = times.at(-messages);
        return blocking === undefined ? 0 : Math.max(0, blocking + withinMs - time);
      });
      const waitMs = Math.max(...waits);
      sentAt.set(userId, waitMs === 0 ? [...times, time] : times);
      return waitMs;
    },
  };
};
