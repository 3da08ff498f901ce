/** Runs pieces of work one after the other for each key; those of different keys beside each other. */
export interface InTurn {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export const createInTurn = (): InTurn => {
  const last = new Map<string, Promise<unknown>>();
  return {
    run: (key, work) => {
      const before = last.get(key) ?? Promise.resolve();
      const mine = before.then(work, work);
      last.set(key, mine);
      const clear = (): void => {
        if (last.get(key) === mine) last.delete(key);
      };
      mine.then(clear, clear);
      return mine;
    },
  };
};
