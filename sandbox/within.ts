/**
 * What `work` comes to, or a rejection with `late` when that takes longer than so many milliseconds.
 * The work itself goes on.
 */
export const within = async <T>(work: Promise<T>, ms: number, late: Error): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), ms);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
};
