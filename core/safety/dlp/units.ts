import { scratch } from "../scratch.ts";

/** The UTF-16 units of a text, in the scratch memory, where that is in use. */
export const unitsOf = (text: string): Uint16Array<ArrayBuffer> => {
  const units = scratch.uint16(text.length);
  bytesOf(units).write(text, "utf16le");
  return units;
};

/** The text of these units, lone surrogates as they are. */
export const stringOf = (units: Uint16Array<ArrayBuffer>): string =>
  bytesOf(units).toString("utf16le");

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint16Array<ArrayBuffer>): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
