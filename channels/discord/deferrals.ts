/** Which interactions are just being acknowledged: nothing else may be said about them before. */
export interface Deferrals {
  /** Holds back what concerns the interaction until `acknowledged` is over, whichever way it ends. */
  hold(interactionId: string, acknowledged: Promise<unknown>): void;
  /** Resolves at once where nothing is held. Never rejects. */
  settled(interactionId: string): Promise<void>;
}

// An acknowledgement after this is none.
const LONGEST_MS = 3_000;

export const createDeferrals = (): Deferrals => {
  const held = new Map<string, Promise<void>>();
  return {
    hold: (interactionId, acknowledged) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LONGEST_MS);
        timer.unref();
      });
      const over = Promise.race([acknowledged.then(nothing, nothing), late]).then(() => {
        clearTimeout(timer);
        held.delete(interactionId);
      });
      held.set(interactionId, over);
    },
    settled: async (interactionId) => held.get(interactionId),
  };
};

const nothing = (): void => {};
