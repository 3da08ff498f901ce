import type { SignedCheckpoint } from "./checkpoint.ts";
import type { Place, Problem } from "./problem.ts";

/** Compares a chain with what was sworn of it, going up both. */
export interface Sworn {
  /** How many checkpoints were compared. */
  compared(): number;
  /** Passes by those of records that were removed for their age. */
  skipTo(seq: number): void;
  /** What a checkpoint says against the record at this place. */
  check(place: Place): Problem | undefined;
  /** What was sworn to beyond the end. */
  left(end: number): Problem | undefined;
}

/** @param checkpoints in the order of their numbers */
export const createSworn = (checkpoints: readonly SignedCheckpoint[]): Sworn => {
  let next = 0;
  let compared = 0;
  return {
    compared: () => compared,
    skipTo: (seq) => {
      while ((checkpoints[next]?.seq ?? seq) < seq) next++;
    },
    check: ({ seq, hash }) => {
      for (; checkpoints[next]?.seq === seq; next++) {
        const checkpoint = checkpoints[next];
        compared++;
        if (checkpoint?.hash === Buffer.from(hash).toString("hex")) continue;
        const message = `record ${seq} is not the one that the checkpoint of ${checkpoint?.at} saw: the chain was rewritten`;
        return { seq, code: "NOT_AS_SWORN", message };
      }
      return undefined;
    },
    left: (end) => {
      const ahead = checkpoints.at(-1);
      if (!ahead || ahead.seq <= end) return undefined;
      const message = `the log ends with record ${end}, but the checkpoint of ${ahead.at} saw record ${ahead.seq}: the database was rolled back, or records were cut off`;
      return { seq: end + 1, code: "ROLLED_BACK", message };
    },
  };
};
