import type { ChannelState } from "../../core/contract/channel-state.ts";
import { personKey } from "../../core/contract/state-key.ts";

/** Keeps an application within what one person may get from it. */
export interface Pace {
  /**
   * 0: go ahead, and it counts. Otherwise how long this person has to wait, in milliseconds.
   * @param share how much of the limits it may use up, in (0, 1]; default all of them
   */
  reserve(userId: string, share?: number): Promise<number>;
}

const LONGEST_MS = 60 * 60_000 + 2_000;
// What is sent beyond 30 a minute or 1000 an hour is dropped without an error, so it must not be
// sent. A little longer than that, because the platform counts when a message arrives.
// https://developer.work.weixin.qq.com/document/path/90312
const LIMITS = [
  { messages: 30, withinMs: 62_000 },
  { messages: 1000, withinMs: LONGEST_MS },
] as const;

/** When something was sent to one person, oldest first, the last hour. */
type Times = readonly number[];

const recent = (times: Times, time: number): Times =>
  times.filter((sent) => sent > time - LONGEST_MS);

const waitMs = (times: Times, time: number, share = 1): number =>
  Math.max(
    ...LIMITS.map(({ messages, withinMs }) => {
      const blocking = times.at(-Math.ceil(messages * share));
      return blocking === undefined ? 0 : Math.max(0, blocking + withinMs - time);
    }),
  );

/** Counts in this process: for one that is the only one. */
export const createPace = (now: () => Date): Pace => {
  const sentAt = new Map<string, Times>();
  let lastSweep = 0;

  const sweep = (time: number): void => {
    if (time - lastSweep < LONGEST_MS) return;
    lastSweep = time;
    for (const [userId, times] of sentAt) {
      if ((times.at(-1) ?? 0) <= time - LONGEST_MS) sentAt.delete(userId);
    }
  };

  return {
    reserve: async (userId, share) => {
      const time = now().getTime();
      sweep(time);
      const times = recent(sentAt.get(userId) ?? [], time);
      const wait = waitMs(times, time, share);
      sentAt.set(userId, wait === 0 ? [...times, time] : times);
      return wait;
    },
  };
};

// Sends to one person come one after the other; only those of several conversations can collide.
const TRIES = 5;
const AFTER_COLLISIONS_MS = 200;
const WITHOUT_STORE_MS = 5_000;

/**
 * Counts where all processes look, with one read and one write for each message. While that place
 * is away nobody gets anything: one too many would be lost for good.
 * @param agent whose limit it is: an application or a bot of the corp
 */
export const createSharedPace = (
  state: ChannelState,
  { corpId, agent }: { readonly corpId: string; readonly agent: string },
  now: () => Date,
): Pace => {
  const reserve = async (key: string, share?: number): Promise<number> => {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const time = now().getTime();
      const found = await state.get(key);
      const times = recent(found ? (JSON.parse(found.value) as Times) : [], time);
      const wait = waitMs(times, time, share);
      if (wait > 0) return wait;
      const value = JSON.stringify([...times, time]);
      const isOurs = found
        ? await state.replace(key, found.version, value, LONGEST_MS)
        : await state.putIfAbsent(key, value, LONGEST_MS);
      if (isOurs) return 0;
    }
    return AFTER_COLLISIONS_MS;
  };
  return {
    reserve: (userId, share) =>
      reserve(personKey(corpId, userId, "pace", agent), share).catch(() => WITHOUT_STORE_MS),
  };
};
