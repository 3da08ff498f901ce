/**
 * A bounded number of places, and a bounded queue before them: who comes beyond both, or would wait
 * too long, is told so at once instead of late.
 */
export interface Gate {
  /** Whether nobody more can even wait. */
  readonly isFull: boolean;
  /** Whether more than half of the places are taken. */
  readonly isCrowded: boolean;
  /** Takes a place, to be left again, if one is free. */
  enter(): boolean;
  /** Waits for a place where none was free: true when it is taken, false when there is none in time. */
  wait(): Promise<boolean>;
  leave(): void;
}

export interface GateOptions {
  readonly places: number;
  /** How many may wait for a place, in order of arrival. */
  readonly waiting: number;
  /** How long each may wait. */
  readonly waitMs: number;
}

export const createGate = ({ places, waiting, waitMs }: GateOptions): Gate => {
  let taken = 0;
  // In order of arrival: a Set keeps it, and lets go of one in the middle.
  const queue = new Set<(isIn: boolean) => void>();
  const isFull = (): boolean => taken >= places && queue.size >= waiting;
  return {
    get isFull() {
      return isFull();
    },
    get isCrowded() {
      return taken * 2 > places;
    },
    enter: () => {
      if (taken >= places) return false;
      taken++;
      return true;
    },
    wait: async () => {
      if (isFull()) return false;
      return await new Promise<boolean>((resolve) => {
        const settle = (isIn: boolean): void => {
          clearTimeout(timer);
          queue.delete(settle);
          resolve(isIn);
        };
        const timer = setTimeout(settle, waitMs, false);
        queue.add(settle);
      });
    },
    leave: () => {
      const [next] = queue;
      // Whoever waits takes over the place of who leaves.
      if (next) next(true);
      else taken--;
    },
  };
};
