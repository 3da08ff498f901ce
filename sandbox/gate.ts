/** Lets a bounded number of works run at once; those who wait take turns by their key. */
export interface Gate {
  /**
   * Resolves with a place once there is one; the caller gives it back by calling what it got.
   * First come, first served within a key. Rejects with the signal's reason when it aborts before.
   */
  enter(key: string, signal: AbortSignal): Promise<() => void>;
  /** How many wait for a place. */
  waiting(): number;
}

/** Lets one that waits in; compared by identity when it gives up. */
type Waiter = () => void;

/** No key holds more than `placesPerKey` at once, even where places stay empty: the next may come. */
export const createGate = (places: number, placesPerKey: number): Gate => {
  let free = places;
  const held = new Map<string, number>();
  // Keys in the order of their turns: each goes to the end when one of its works got a place.
  const queues = new Map<string, Waiter[]>();

  const hold = (key: string, change: 1 | -1): void => {
    free -= change;
    const count = (held.get(key) ?? 0) + change;
    if (count > 0) held.set(key, count);
    else held.delete(key);
  };
  const mayEnter = (key: string): boolean => free > 0 && (held.get(key) ?? 0) < placesPerKey;
  const dequeue = (key: string, waiter: Waiter): void => {
    const left = queues.get(key)?.filter((other) => other !== waiter) ?? [];
    if (left.length > 0) queues.set(key, left);
    else queues.delete(key);
  };
  const admitNext = (): void => {
    for (const [key, [first, ...rest]] of queues) {
      if (first === undefined || !mayEnter(key)) continue;
      queues.delete(key);
      if (rest.length > 0) queues.set(key, rest);
      hold(key, 1);
      first();
      return;
    }
  };
  const wait = (key: string, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const admit: Waiter = () => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = () => {
        dequeue(key, admit);
        reject(signal.reason);
      };
      queues.set(key, [...(queues.get(key) ?? []), admit]);
      signal.addEventListener("abort", giveUp, { once: true });
    });

  return {
    enter: async (key, signal) => {
      signal.throwIfAborted();
      // Whoever waits for this key came before; a key that is at its bound keeps no other out.
      if (mayEnter(key) && !queues.has(key)) hold(key, 1);
      else await wait(key, signal);
      let isLeft = false;
      return () => {
        if (isLeft) return;
        isLeft = true;
        hold(key, -1);
        admitNext();
      };
    },
    waiting: () => [...queues.values()].reduce((sum, queue) => sum + queue.length, 0),
  };
};
