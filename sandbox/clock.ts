/** Time, so that a test can move it. */
export interface Clock {
  /** Milliseconds; only differences mean something. */
  now(): number;
  /** Calls `work` once; returns what calls it off. */
  after(ms: number, work: () => void): () => void;
  /** Calls `work` again and again; returns what stops it. */
  every(ms: number, work: () => void): () => void;
}

/** This machine's time. What waits for it keeps no process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, work) => {
    const timer = setTimeout(work, ms).unref();
    return () => clearTimeout(timer);
  },
  every: (ms, work) => {
    const timer = setInterval(work, ms).unref();
    return () => clearInterval(timer);
  },
};
