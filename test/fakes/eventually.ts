const PATIENCE_MS = 10_000;
const INTERVAL_MS = 2;

/** Resolves once `check` no longer throws. Unlike vi.waitFor it leaves a faked clock where it is. */
export const eventually = async (check: () => void | Promise<void>): Promise<void> => {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await check();
    } catch (cause) {
      if (performance.now() > until) throw cause;
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }
};
