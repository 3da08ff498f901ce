const EVERY_MS = 10;
const LATE_MS = 100;
const TRIES = 5;

/**
 * What `measure` gives when nothing kept this process from going on meanwhile: a time that was taken
 * while the machine stood still says nothing about what was measured. Where that never happens, what
 * the last of a few tries gave.
 */
export const undisturbed = async <T>(measure: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    let seenAt = performance.now();
    let lateMs = 0;
    const look = () => {
      const now = performance.now();
      lateMs = Math.max(lateMs, now - seenAt - EVERY_MS);
      seenAt = now;
    };
    const watch = setInterval(look, EVERY_MS);
    try {
      const measured = await measure();
      look();
      if (lateMs < LATE_MS || tries === TRIES) return measured;
    } finally {
      clearInterval(watch);
    }
  }
};
