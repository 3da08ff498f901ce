/** Lets so many works run at a time; the others wait in order of arrival, for as long as it takes. */
export interface Turnstile {
  pass<T>(work: () => Promise<T>): Promise<T>;
  /** Turns away everybody who waits now. */
  turnAway(cause: unknown): void;
}

export const createTurnstile = (places: number): Turnstile => {
  let free = places;
  let queue: { readonly resolve: () => void; readonly reject: (cause: unknown) => void }[] = [];
  return {
    pass: async (work) => {
      if (free > 0) free--;
      else await new Promise<void>((resolve, reject) => queue.push({ resolve, reject }));
      try {
        return await work();
      } finally {
        const next = queue.shift();
        if (next) next.resolve();
        else free++;
      }
    },
    turnAway: (cause) => {
      const waiting = queue;
      queue = [];
      for (const { reject } of waiting) reject(cause);
    },
  };
};
