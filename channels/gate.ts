/**
 * A bounded number of places, and a bounded queue before them: who comes beyond both, or would wait
 * too long, is told so at once instead of late.
 */
export interface Gate {
  /** Whether nobody more can even wait. */
  readonly isFull: boolean;
  /** Whether more than half of the places that there are now are taken. */
  readonly isCrowded: boolean;
  /**
   * Told over which connection each comes. While the process is busy and each turn of its event loop
   * brings a new one, nobody is let in: a turn accepts but one, and what is begun makes turns long.
   */
  arrive(connection: object): void;
  /** Takes a place, to be left again, if one is free. */
  enter(): boolean;
  /** Waits for a place where none was free: true when it is taken, false when there is none in time. */
  wait(): Promise<boolean>;
  leave(): void;
}

export interface GateOptions {
  readonly places: number;
  /** So many of them at most are taken anew while the process is busy and new connections come. */
  readonly busyPlaces: number;
  /** How many may wait for a place, in order of arrival. */
  readonly waiting: number;
  /** How long each may wait. */
  readonly waitMs: number;
}

// As many as the system keeps unaccepted: after these somebody is let in, however many come.
const MOST_NEWCOMERS = 512;

export const createGate = (
  { places, busyPlaces, waiting, waitMs }: GateOptions,
  isBusy: () => boolean,
  nextTurn: (look: () => void) => void = setImmediate,
): Gate => {
  let taken = 0;
  const known = new WeakSet<object>();
  // How many came over known connections since the last that came over a new one.
  let overKnown = 0;
  // How many there are since nobody is let in, and a turn ago; 0 = who has room is let in.
  let newcomers = 0;
  let newcomersBefore = 0;
  // In order of arrival: a Set keeps it, and lets go of one in the middle.
  const queue = new Set<(isIn: boolean) => void>();
  const room = (): number => (overKnown < places && isBusy() ? busyPlaces : places);
  const hasRoom = (): boolean => newcomers === 0 && taken < room();
  // Not past those who wait: there may be more room than when they came.
  const isOpen = (): boolean => queue.size === 0 && hasRoom();
  const isFull = (): boolean => queue.size >= waiting && !isOpen();
  const letIn = (): void => {
    for (const next of queue) {
      if (!hasRoom()) return;
      taken++;
      next(true);
    }
  };

  /** Once in each turn, from a new connection until there is none. */
  const look = (): void => {
    if (newcomers > newcomersBefore && newcomers < MOST_NEWCOMERS) {
      newcomersBefore = newcomers;
      nextTurn(look);
      return;
    }
    newcomers = 0;
    newcomersBefore = 0;
    letIn();
  };

  return {
    get isFull() {
      return isFull();
    },
    get isCrowded() {
      return taken * 2 > room();
    },
    arrive: (connection) => {
      overKnown++;
      if (known.has(connection)) return;
      known.add(connection);
      overKnown = 0;
      if (!isBusy()) return;
      newcomers++;
      if (newcomers === 1) nextTurn(look);
    },
    enter: () => {
      if (!isOpen()) return false;
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
      taken--;
      letIn();
    },
  };
};
