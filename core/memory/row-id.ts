import { randomBytes } from "node:crypto";

const TIME_BYTES = 6;
const RANDOM_BYTES = 6;

/** A new id of 12 bytes: ids of later instants sort behind it, byte by byte, in both databases. */
export const newRowId = (at: Date): Buffer =>
  Buffer.concat([timeOf(at), randomBytes(RANDOM_BYTES)]);

/** Sorts before every id of that instant and behind every id of earlier ones. */
export const firstRowIdOf = (at: Date): Buffer =>
  Buffer.concat([timeOf(at), Buffer.alloc(RANDOM_BYTES)]);

/** When an id was made, to the millisecond. */
export const instantOf = (id: Uint8Array): Date =>
  new Date(Buffer.from(id).readUIntBE(0, TIME_BYTES));

const timeOf = (at: Date): Buffer => {
  const time = Buffer.alloc(TIME_BYTES);
  time.writeUIntBE(Math.max(0, at.getTime()), 0, TIME_BYTES);
  return time;
};
