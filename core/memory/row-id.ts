import { createRandomPool } from "../random-pool.ts";

const TIME_BYTES = 6;
const RANDOM_BYTES = 6;
const nextRandom = createRandomPool(RANDOM_BYTES);

/** A new id of 12 bytes: ids of later instants sort behind it, byte by byte, in both databases. */
export const newRowId = (at: Date): Buffer => {
  const id = firstRowIdOf(at);
  nextRandom(id, TIME_BYTES);
  return id;
};

/** Sorts before every id of that instant and behind every id of earlier ones. */
export const firstRowIdOf = (at: Date): Buffer => {
  const id = Buffer.alloc(TIME_BYTES + RANDOM_BYTES);
  id.writeUIntBE(Math.max(0, at.getTime()), 0, TIME_BYTES);
  return id;
};

/** When an id was made, to the millisecond. */
export const instantOf = (id: Uint8Array): Date =>
  new Date(Buffer.from(id).readUIntBE(0, TIME_BYTES));
