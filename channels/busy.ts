const SAMPLE_MS = 100;
// Not none: a loop that always has work rests between its turns, too, while other programs run.
const HARDLY_ANY = 0.1;

/**
 * Makes a question: has the event loop hardly rested lately? Then what more is begun makes nothing
 * be done sooner, only all of it later. Both clocks in milliseconds.
 */
export const createBusy = (
  clockMs: () => number = () => performance.now(),
  restedMs: () => number = () => performance.eventLoopUtilization().idle,
): (() => boolean) => {
  let sampledAt = clockMs();
  let restedBefore = restedMs();
  let isBusy = false;
  return () => {
    const at = clockMs();
    if (at - sampledAt >= SAMPLE_MS) {
      const rested = restedMs();
      isBusy = rested - restedBefore < HARDLY_ANY * (at - sampledAt);
      sampledAt = at;
      restedBefore = rested;
    }
    return isBusy;
  };
};
