const LEAP_MS = 60_000;
const STEADY_MS = 60 * 60_000;

/**
 * Whether the machine's clock has run evenly for an hour, as far as was looked: what is removed for
 * its age is gone for good, and a clock that starts wrong or leaps makes young things old. Each look
 * compares what passed on it since the last one with what passed on a clock that nobody can set.
 * @param elapsedMs milliseconds since any fixed moment of this process
 */
export const createSteadyClock = (now: () => Date, elapsedMs: () => number): (() => boolean) => {
  let steadySince = elapsedMs();
  let aheadMs = now().getTime() - steadySince;
  return () => {
    const elapsed = elapsedMs();
    const ahead = now().getTime() - elapsed;
    if (Math.abs(ahead - aheadMs) > LEAP_MS) steadySince = elapsed;
    aheadMs = ahead;
    return elapsed - steadySince >= STEADY_MS;
  };
};
