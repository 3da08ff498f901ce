/** Lets a bounded number of works run at once; the others wait in the order in which they came. */
export interface Gate {
  /** Resolves with a place once there is one; the caller gives it back by calling what it got. */
  enter(): Promise<() => void>;
}

export const createGate = (places: number): Gate => {
  let free = places;
  const waiting: (() => void)[] = [];
  const leave = (): void => {
    const next = waiting.shift();
    if (next) next();
    else free++;
  };
  return {
    enter: async () => {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      let isLeft = false;
      return () => {
        if (!isLeft) leave();
        isLeft = true;
      };
    },
  };
};
