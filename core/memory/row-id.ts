import { createRandomPool } from "../random-pool.ts";

const TIME_BYTES = 6;
const RANDOM_BYTES = 6;
const nextRandom = createRandomPool(RANDOM_BYTES);

/** A new id of 12 bytes: ids of later instants sort behind it, byte by byte, in both databases. */
export const newRowId = (at: Date): Buffer => {
  // Of the pool: V8 keeps small ones of their own in its heap, and moves them out when SQLite reads them.
  const id = Buffer.allocUnsafe(TIME_BYTES + RANDOM_BYTES);
  writeTime(id, at);
  id.set(nextRandom(), TIME_BYTES);
  return id;
};

/** Sorts before every id of that instant and behind every id of earlier ones. */
export const firstRowIdOf = (at: Date): Buffer => {
  const id = Buffer.alloc(TIME_BYTES + RANDOM_BYTES);
  writeTime(id, at);
  return id;
};

const writeTime = (id: Buffer, at: Date): void => {
  id.writeUIntBE(Math.max(0, at.getTime()), 0, TIME_BYTES);
};

/** When an id was made, to the millisecond. */
export const instantOf = (id: Uint8Array): Date =>
  new Date(Buffer.from(id).readUIntBE(0, TIME_BYTES));
