/**
 * Work that is serial per key and parallel across keys: while a key has work, exactly one loop
 * calls `step` for it. Which key runs where and when is all that is decided here; what the work is
 * stays in the store, so losing this object loses nothing.
 */
export interface KeyedLoops {
  /** There may be work for `key`; safe to call at any time, also while its loop is finishing. */
  wake(key: string): void;
  /** Starts no more steps; resolves when the running ones are over. */
  drain(): Promise<void>;
}

/**
 * What one step found: `again` at once, `idle` until woken, or look again `afterMs`.
 * A step that throws is tried again after `retryAfterMs`.
 */
export type Step = (key: string) => Promise<"again" | "idle" | { readonly afterMs: number }>;

export interface KeyedLoopsOptions {
  readonly step: Step;
  /** Keys that may be in a step at the same time. */
  readonly concurrency: number;
  readonly retryAfterMs: number;
  readonly onError: (key: string, cause: unknown) => void;
}

// What setTimeout can hold; beyond it, it fires at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const createKeyedLoops = (options: KeyedLoopsOptions): KeyedLoops => {
  const { step, concurrency, retryAfterMs, onError } = options;
  const waiting = new Set<string>(); // in order of arrival, a key at most once
  const running = new Map<string, Promise<void>>();
  const timers = new Map<string, NodeJS.Timeout>();
  let isDraining = false;

  const wakeLater = (key: string, afterMs: number): void => {
    if (isDraining) return; // a timer would only keep the process alive
    clearTimeout(timers.get(key));
    timers.set(
      key,
      setTimeout(
        () => {
          timers.delete(key);
          wake(key);
        },
        Math.min(afterMs, LONGEST_TIMER_MS),
      ),
    );
  };

  const runOnce = async (key: string): Promise<void> => {
    try {
      const next = await step(key);
      if (next === "again") waiting.add(key);
      else if (next !== "idle") wakeLater(key, next.afterMs);
    } catch (cause) {
      onError(key, cause);
      wakeLater(key, retryAfterMs);
    }
  };

  const fill = (): void => {
    if (isDraining) return;
    for (const key of waiting) {
      if (running.size >= concurrency) return;
      if (running.has(key)) continue; // stays waiting: its loop looks again when the step ends
      waiting.delete(key);
      running.set(
        key,
        runOnce(key).finally(() => {
          running.delete(key);
          fill();
        }),
      );
    }
  };

  const wake = (key: string): void => {
    clearTimeout(timers.get(key));
    timers.delete(key);
    waiting.add(key);
    fill();
  };

  return {
    wake,
    drain: async () => {
      isDraining = true;
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      await Promise.all(running.values());
    },
  };
};
