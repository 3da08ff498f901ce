/**
 * How much speaks for something being missing in a room: Discord says so, nobody says anything, or
 * Discord does not even name the room among those that are open.
 */
export type Rank = "certain" | "possible" | "unlikely";

/** Readings that wait for each other: so many at once, the likeliest first, each rank in order. */
export interface ReadQueue {
  /** One key waits once at a time. */
  run<T>(key: string, rank: Rank, work: () => Promise<T>): Promise<T>;
  /** Somebody waits for it: it is the next one. */
  hasten(key: string): void;
}

export const createReadQueue = (atOnce: number): ReadQueue => {
  const urgent = new Map<string, () => Promise<void>>();
  const waiting = {
    certain: new Map<string, () => Promise<void>>(),
    possible: new Map<string, () => Promise<void>>(),
    unlikely: new Map<string, () => Promise<void>>(),
  };
  let running = 0;

  const takeNext = (): (() => Promise<void>) | undefined => {
    for (const ranked of [urgent, waiting.certain, waiting.possible, waiting.unlikely]) {
      const [first] = ranked;
      if (!first) continue;
      ranked.delete(first[0]);
      return first[1];
    }
    return undefined;
  };

  const begin = (): void => {
    while (running < atOnce) {
      const next = takeNext();
      if (!next) return;
      running += 1;
      void next().finally(() => {
        running -= 1;
        begin();
      });
    }
  };

  return {
    run: (key, rank, work) =>
      new Promise((resolve, reject) => {
        waiting[rank].set(key, () => work().then(resolve, reject));
        begin();
      }),
    hasten: (key) => {
      for (const ranked of Object.values(waiting)) {
        const work = ranked.get(key);
        if (!work) continue;
        ranked.delete(key);
        urgent.set(key, work);
      }
    },
  };
};
