import type { Classes } from "./alphabet.ts";

/** Characters in a block. */
const BLOCK = 256;

/** A text as classes of an alphabet, in blocks that are looked at one by one. */
export interface Blocks {
  readonly classes: Classes;
  /** Where each block starts and, last, where all of them end. */
  readonly bounds: Int32Array;
}

/** Another form of a text, in as many blocks, each of which holds what the text's own block became. */
export interface OtherForm extends Blocks {
  /** By block: 1 where it holds what the text's own block does. */
  readonly isSame: Uint8Array;
}

/** Cuts what stands behind `from`, the end of the text with it. */
export const cutIntoBlocks = (classes: Classes, from: number): Blocks => {
  const count = Math.ceil((classes.length - from) / BLOCK);
  const bounds = new Int32Array(count + 1);
  for (let block = 0; block < count; block++) bounds[block] = from + block * BLOCK;
  bounds[count] = classes.length;
  return { classes, bounds };
};

/**
 * Cuts another form of a text, no longer than the text, where the text is cut. `startOf` is the offset
 * in the text of what stands at an index of the other form.
 */
export const cutAlike = (
  text: Blocks,
  classes: Classes,
  from: number,
  startOf: (index: number) => number,
): OtherForm => {
  const count = text.bounds.length - 1;
  const bounds = new Int32Array(count + 1);
  const isSame = new Uint8Array(count);
  bounds[0] = from;
  bounds[count] = classes.length;
  for (let block = 1; block < count; block++) {
    const start = text.bounds[block] ?? 0;
    bounds[block] = firstAt(start, startOf, [bounds[block - 1] ?? 0, classes.length - 1]);
  }
  const form = { classes, bounds, isSame };
  for (let block = 0; block < count; block++) isSame[block] = areEqual(form, text, block) ? 1 : 0;
  return form;
};

/** The first index within these at which stands what starts at an offset or behind it; the last for none. */
const firstAt = (
  offset: number,
  startOf: (index: number) => number,
  [first, last]: readonly [number, number],
): number => {
  let [low, high] = [first, last];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startOf(middle) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
};

const areEqual = (one: Blocks, other: Blocks, block: number): boolean => {
  const start = one.bounds[block] ?? 0;
  const end = one.bounds[block + 1] ?? 0;
  const shift = (other.bounds[block] ?? 0) - start;
  if (other.bounds[block + 1] !== end + shift) return false;
  for (let at = start; at < end; at++) {
    if (one.classes[at] !== other.classes[at + shift]) return false;
  }
  return true;
};
