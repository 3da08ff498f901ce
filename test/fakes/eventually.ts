const PATIENCE_MS = 10_000;
const INTERVAL_MS = 2;
// Kept from before a test fakes them.
const clock = performance.now.bind(performance);
const { setTimeout } = globalThis;

/** Resolves once `check` no longer throws. Unlike vi.waitFor it leaves a faked clock where it is. */
export const eventually = async (check: () => void | Promise<void>): Promise<void> => {
  const until = clock() + PATIENCE_MS;
  for (;;) {
    try {
      return await check();
    } catch (cause) {
      if (clock() > until) throw cause;
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }
};
