/** Lets a bounded number of works run at once; those who wait take turns by their key. */
export interface Gate {
  /**
   * Resolves with a place once there is one; the caller gives it back by calling what it got.
   * First come, first served within a key.
   */
  enter(key: string): Promise<() => void>;
}

export const createGate = (places: number): Gate => {
  let free = places;
  // Keys in the order of their turns: each goes to the end when one of its works got a place.
  const waiting = new Map<string, (() => void)[]>();
  const leave = (): void => {
    const [turn] = waiting;
    if (!turn) {
      free++;
      return;
    }
    const [key, works] = turn;
    waiting.delete(key);
    const next = works.shift();
    if (works.length > 0) waiting.set(key, works);
    next?.();
  };
  const wait = (key: string): Promise<void> =>
    new Promise((resolve) => {
      const works = waiting.get(key);
      if (works) works.push(resolve);
      else waiting.set(key, [resolve]);
    });
  return {
    enter: async (key) => {
      if (free > 0) free--;
      else await wait(key);
      let isLeft = false;
      return () => {
        if (!isLeft) leave();
        isLeft = true;
      };
    },
  };
};
