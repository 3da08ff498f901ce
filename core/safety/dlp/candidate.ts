import { type Digits, gapsWithin, linesWithin, MOST_DIGITS } from "./digit-groups.ts";
import type { NumberWords } from "./number-words.ts";

/** Some groups in a row that may be one number. */
export interface Candidate {
  /** All of the text, and which of them: so many from one on. */
  readonly digits: Digits;
  readonly from: number;
  readonly length: number;
  /** How they are grouped, as in `Digits.ends`. */
  readonly ends: number;
  /** The text that it stands in, and where. */
  readonly text: string;
  readonly start: number;
  readonly words: NumberWords;
}

/** Bits as in `Candidate.ends` of groups of these sizes. */
export const shapeOf = (sizes: readonly number[]): number => {
  let ends = 0;
  let length = 0;
  for (const size of sizes) {
    length += size;
    ends |= 1 << length;
  }
  return ends;
};

/** How many groups there are. */
export const groupsIn = (ends: number): number => {
  let groups = 0;
  for (let rest = ends; rest !== 0; rest &= rest - 1) groups++;
  return groups;
};

/** Whether groups are apart by this. */
export const hasGap = ({ digits, from, length }: Candidate, gap: number): boolean =>
  (gapsWithin(digits, from, length) & gap) !== 0;

/** Where it ends in the text. */
export const endOf = ({ digits, from, length }: Candidate): number =>
  (digits.offsets[from + length - 1] ?? 0) + 1;

/** What stands in the text from its first digit to its last. */
export const writtenAs = (candidate: Candidate): string =>
  candidate.text.slice(candidate.start, endOf(candidate));

/** What stands between its groups, in order. */
export const separators = ({
  text,
  digits: { gaps, offsets },
  from,
  length,
}: Candidate): string[] => {
  const between: string[] = [];
  for (let at = from; at < from + length - 1; at++) {
    if (gaps[at] !== 0) between.push(text.slice((offsets[at] ?? 0) + 1, offsets[at + 1]));
  }
  return between;
};

/** Whether the same stands between all groups. */
export const isUniform = (candidate: Candidate): boolean => {
  const [gap, ...others] = separators(candidate);
  return others.every((other) => other === gap);
};

/** Whether each group, of which there are some, is one more than the one before: they count something. */
export const isCount = ({ digits: { values, gaps }, from, length }: Candidate): boolean => {
  let last = -1;
  let value = 0;
  for (let at = from; at < from + length; at++) {
    value = value * 10 + (values[at] ?? 0);
    if (gaps[at] === 0 && at < from + length - 1) continue;
    if (last >= 0 && value !== last + 1) return false;
    last = value;
    value = 0;
  }
  return true;
};

/** Whether the groups have a shape, as they are or counted across line breaks. */
export const hasShape = (
  { digits, from, length, ends }: Candidate,
  isShape: (ends: number) => boolean,
): boolean => {
  if (isShape(ends)) return true;
  const lines = linesWithin(digits, from, length);
  return lines !== 0 && isShape(ends & ~lines);
};

/** By size: groups of that size only, up to the most digits. */
const EVEN = Int32Array.from({ length: MOST_DIGITS + 1 }, (_, size) =>
  shapeOf(Array.from({ length: Math.floor(MOST_DIGITS / (size || 1)) }, () => size)),
);

/** All groups of one size, but for a shorter last one. One group is even. */
export const isEven = (ends: number): boolean => {
  const size = 31 - Math.clz32(ends & -ends);
  const last = 1 << (31 - Math.clz32(ends));
  return ends === (((EVEN[size] ?? 0) & (last - 1)) | last);
};

const PLUS = 0x2b;
const OPEN_BRACKET = 0x28;
const BLANKS_BEHIND_PLUS = 2;

/** Where a number starts with the plus sign and the brackets before it, which belong to one from abroad. */
export const startWithPlus = (text: string, start: number): number => {
  let at = start - 1;
  if (text.charCodeAt(at) === OPEN_BRACKET) at--;
  for (let blanks = 0; blanks < BLANKS_BEHIND_PLUS && isBlank(text.charCodeAt(at)); blanks++) at--;
  if (text.charCodeAt(at) !== PLUS) return start;
  return text.charCodeAt(at - 1) === OPEN_BRACKET ? at - 1 : at;
};

/** Of a folded text, in which all others are one of these. */
export const isBlank = (unit: number): boolean => unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);

/** Whether a plus sign stands before it. */
export const isInternational = ({ text, start }: Candidate): boolean =>
  startWithPlus(text, start) !== start;
