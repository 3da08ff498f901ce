import { scratch } from "../scratch.ts";

/** The UTF-16 units of a text, in the scratch memory, where that is in use. */
export const unitsOf = (text: string): Uint16Array<ArrayBuffer> => {
  const units = scratch.uint16(text.length);
  for (let at = 0; at < text.length; at++) units[at] = text.charCodeAt(at);
  return units;
};

/** The text of these units, lone surrogates as they are. */
export const stringOf = ({ buffer, byteOffset, byteLength }: Uint16Array<ArrayBuffer>): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("utf16le");
