import { randomFillSync } from "node:crypto";

/** The next random bytes, none of which is ever given twice; theirs only until the next call. */
export type RandomPool = () => Uint8Array;

const POOL_BYTES = 4_080;

/**
 * Random bytes from the system's generator, `size` at a time. It is asked for thousands at once:
 * asking for 12 costs as much again as encrypting 1 KiB does, and to copy them a tenth of a seal.
 */
export const createRandomPool = (size: number): RandomPool => {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES - (POOL_BYTES % size));
  const pieces = Array.from({ length: pool.length / size }, (_, index) =>
    pool.subarray(index * size, (index + 1) * size),
  );
  const [first = pool] = pieces;
  let next = pieces.length;
  const refilled = (): Uint8Array => {
    randomFillSync(pool);
    next = 1;
    return first;
  };
  return () => pieces[next++] ?? refilled();
};
