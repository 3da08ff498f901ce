import type { Digits, Gap } from "./digit-groups.ts";
import type { WordsBefore } from "./words-before.ts";

/** Some groups in a row that may be one number. */
export interface Candidate {
  readonly digits: string;
  /** The text that it stands in, and where. */
  readonly text: string;
  readonly start: number;
  readonly words: WordsBefore;
  /** The groups: all of the text, which is the first of these and which the last. */
  readonly all: Digits;
  readonly first: number;
  readonly last: number;
}

/** How many digits stand together in each group. */
export const sizesOf = ({ all: { starts, ends }, first, last }: Candidate): readonly number[] => {
  const sizes: number[] = [];
  for (let at = first; at <= last; at++) sizes.push((ends[at] ?? 0) - (starts[at] ?? 0));
  return sizes;
};

/** What the groups are apart by. */
export const gapsOf = ({ all: { gaps }, first, last }: Candidate): readonly Gap[] =>
  gaps.slice(first, last);

/** What stands in the text from its first digit to its last. */
export const writtenAs = ({ text, start, all: { ends }, last }: Candidate): string =>
  text.slice(start, ends[last]);

/** Whether the same stands between all groups. */
export const isUniform = ({ text, all: { starts, ends }, first, last }: Candidate): boolean => {
  const gap = text.slice(ends[first], starts[first + 1]);
  for (let at = first + 1; at < last; at++) {
    const from = ends[at] ?? 0;
    if (starts[at + 1] !== from + gap.length || !text.startsWith(gap, from)) return false;
  }
  return true;
};

/** Whether each group is one more than the one before: they count something. */
export const isCount = ({ text, all: { starts, ends }, first, last }: Candidate): boolean => {
  const valueAt = (at: number): number => Number(text.slice(starts[at] ?? 0, ends[at] ?? 0));
  for (let at = first; at < last; at++) if (valueAt(at + 1) !== valueAt(at) + 1) return false;
  return last > first;
};

/** Whether the sizes have a shape, as they are or counted across line breaks. */
export const hasShape = (
  sizes: readonly number[],
  gaps: readonly Gap[],
  isShape: (sizes: readonly number[]) => boolean,
): boolean => isShape(sizes) || (gaps.includes("line") && isShape(joinLines(sizes, gaps)));

const joinLines = (sizes: readonly number[], gaps: readonly Gap[]): readonly number[] => {
  const joined: number[] = [];
  for (const [i, size] of sizes.entries()) {
    if (i > 0 && gaps[i - 1] === "line") joined.push((joined.pop() ?? 0) + size);
    else joined.push(size);
  }
  return joined;
};

/** All groups of one size, but for a shorter last one. One group is even. */
export const isEven = (sizes: readonly number[]): boolean => {
  const size = sizes[0] ?? 0;
  return sizes.every((own, i) => own === size || (i === sizes.length - 1 && own < size));
};

// What belongs to a number from abroad.
export const PLUS = /\(?\+\s{0,2}\(?$/;

/** Whether a plus sign stands before it. */
export const isInternational = ({ text, start }: Candidate): boolean =>
  PLUS.test(text.slice(Math.max(0, start - 5), start));
