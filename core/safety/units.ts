import { scratch } from "./scratch.ts";

// Up to here a loop is faster than to have the runtime do it.
const SHORT = 40;

/**
 * The UTF-16 units of a text, in the scratch memory, where that is in use. For who looks at all of them: a
 * loop over the text itself takes longer, since it asks at every unit what kind of string this is.
 */
export const unitsOf = (text: string): Uint16Array<ArrayBuffer> => {
  const { length } = text;
  const units = scratch.uint16(length);
  if (length > SHORT) bytesOf(units).write(text, "utf16le");
  else for (let at = 0; at < length; at++) units[at] = text.charCodeAt(at);
  return units;
};

/** The text of these units, lone surrogates as they are. */
export const stringOf = (units: Uint16Array<ArrayBuffer>): string =>
  bytesOf(units).toString("utf16le");

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint16Array<ArrayBuffer>): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
