import { randomFillSync } from "node:crypto";

/** Writes the next random bytes into `target` at `offset`; none of them is ever given twice. */
export type RandomPool = (target: Buffer, offset: number) => void;

const POOL_BYTES = 4_080;

/**
 * Random bytes from the system's generator, `size` at a time. It is asked for thousands at once:
 * asking for 12 costs as much again as encrypting 1 KiB does.
 */
export const createRandomPool = (size: number): RandomPool => {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES - (POOL_BYTES % size));
  let at = pool.length;
  return (target, offset) => {
    if (at === pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    pool.copy(target, offset, at, at + size);
    at += size;
  };
};
