/** Timers by key, of which only so many are kept. */
export interface Pauses {
  /** False when it is not kept: `then` will not be called. */
  begin(key: string, afterMs: number, then: () => void): boolean;
  end(key: string): void;
  /** Ends all, and keeps none from now on: a timer would only keep the process alive. */
  close(): void;
}

// What setTimeout can hold; beyond it, it fires at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const createPauses = (max: number): Pauses => {
  const timers = new Map<string, NodeJS.Timeout>();
  let isOpen = true;
  const end = (key: string): void => {
    clearTimeout(timers.get(key));
    timers.delete(key);
  };
  return {
    begin: (key, afterMs, then) => {
      end(key);
      if (!isOpen || timers.size >= max) return false;
      const fire = () => {
        timers.delete(key);
        then();
      };
      timers.set(key, setTimeout(fire, Math.min(afterMs, LONGEST_TIMER_MS)));
      return true;
    },
    end,
    close: () => {
      isOpen = false;
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
};
