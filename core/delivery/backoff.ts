const FIRST_MS = 1_000;
const LONGEST_MS = 5 * 60_000;

/**
 * Milliseconds to wait before try `attempt` + 1: doubles from one second to five minutes, each
 * spread over its upper half so that many waiters do not come back together.
 * @param random in [0, 1)
 */
export const backoffMs = (attempt: number, random: () => number): number => {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return Math.round(ceiling * (0.5 + random() / 2));
};
