import type { Detector } from "../../../config/detectors.ts";
import {
  type Candidate,
  endOf,
  groupsIn,
  hasGap,
  hasShape,
  isEven,
  isInternational,
  isUniform,
  separators,
  shapeOf,
  writtenAs,
} from "./candidate.ts";
import { fourFrom, GAP } from "./digit-groups.ts";

// What the numbers that China's carriers have been given start with, behind a 1.
// https://en.wikipedia.org/wiki/Telephone_numbers_in_China
const CN_CARRIER = /^(?:3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])$/;
const CN_CARRIERS = Uint8Array.from({ length: 100 }, (_, two) =>
  CN_CARRIER.test(String(two)) ? 1 : 0,
);

/** Whether it is a number of China, with the number of the country (86, 0086) or without. */
const isChineseMobile = ({ digits, from, length }: Candidate): boolean => {
  const { values, pairs } = digits;
  if (length !== 11 && length !== 13 && length !== 15) return false;
  if (length === 13 && pairs[from] !== 86) return false;
  if (length === 15 && fourFrom(digits, from) !== 86) return false;
  const own = from + length - 11;
  return values[own] === 1 && CN_CARRIERS[pairs[own + 1] ?? 0] === 1;
};

/** The same of Taiwan, where the nought may go on behind the number of the country (886, 00886). */
const isTaiwanMobile = ({ digits, from, length }: Candidate): boolean => {
  const { values, pairs } = digits;
  const head = fourFrom(digits, from);
  if (length === 10) return pairs[from] === 9;
  if (length === 12) return head === 8869;
  if (length === 13) return head === 8860 && values[from + 4] === 9;
  if (length === 14) return head === 88 && pairs[from + 4] === 69;
  return length === 15 && head === 88 && pairs[from + 4] === 60 && values[from + 6] === 9;
};

// Sizes and sums.
const UNIT_BEHIND = /\s?(?:元(?!旦)|美元|[块塊][钱錢]|字[节節]|bytes\b)/iy;

/** Which kind of mobile number it is, if any. What costs least is asked first. */
export const mobileOf = (candidate: Candidate): Detector | undefined => {
  const { ends, start, words } = candidate;
  const isChinese = isChineseMobile(candidate);
  if (!isChinese && !isTaiwanMobile(candidate)) return undefined;
  // 1-800-555-0199 is American.
  if (ends === AMERICAN) return undefined;
  const isUsual = hasShape(candidate, hasMobileShape);
  const isFarApart = hasGap(candidate, GAP.words);
  if (isFarApart && !isUsual) return undefined;
  if (isInternational(candidate) && !hasCountry(candidate)) return undefined;
  const isClear = isUsual && !isFarApart && !isFigures(candidate);
  if (!isClear && !words.phone.areBefore(start)) return undefined;
  if (isOfAnotherCountry(candidate) || isOfSomethingElse(candidate)) return undefined;
  return isChinese ? "cn_mobile" : "tw_mobile";
};

const hasCountry = ({ digits: { pairs }, from }: Candidate): boolean =>
  pairs[from] === 86 || pairs[from] === 88;

const AMERICAN = shapeOf([1, 3, 3, 4]);

/**
 * Whether the words right before it call it the number of something else, or what stands behind it makes it
 * a quantity. The bare name of a thing, `order 13800138000`, does so only for digits in one row: who has
 * more to say between, or groups them, means a phone.
 */
const isOfSomethingElse = (candidate: Candidate): boolean => {
  const { text, start, ends, words } = candidate;
  UNIT_BEHIND.lastIndex = endOf(candidate);
  if (UNIT_BEHIND.test(text)) return true;
  if (!words.thing.areBefore(start)) return false;
  const isBareEnough = groupsIn(ends) === 1 && !words.phone.areBefore(start);
  return isBareEnough || words.thingsNumber.areBefore(start);
};

/** Whether it is the end of a number of another country: +1 (415) …, +44 7… */
export const isOfAnotherCountry = ({ text, start }: Candidate): boolean => {
  const before = text.slice(Math.max(0, start - 10), start);
  return (
    before.includes("+") &&
    /\+\s?\d{1,3}[\s\-(]{0,3}$/.test(before) &&
    !/\+\s?(?:86|886)[\s\-()0]{0,4}$/.test(before)
  );
};

// Of numbers up to 255 that do not begin with nought: 192.168.100.21.
const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const ADDRESS = new RegExp(`^(?:${OCTET}\\.){3}${OCTET}$`);

/**
 * Whether groups look like a decimal, like the address of a machine, or like figures in a row:
 * 138.12345678; 192.168.100.21; 1840 (1674), 350.
 */
const isFigures = (candidate: Candidate): boolean => {
  const { ends, length } = candidate;
  const groups = groupsIn(ends);
  if (groups === 2) return separators(candidate)[0] === ".";
  if (groups === 4 && ADDRESS.test(writtenAs(candidate))) return true;
  // Single digits are spelled.
  if (groups === length || !hasGap(candidate, GAP.mark)) return false;
  return !EVERYDAY_SHAPES.has(ends) && !isUniform(candidate);
};

/** Shapes, each as it is and behind one more group of the sizes given first. */
const shapesOf = (codes: readonly string[], shapes: readonly string[]): readonly number[] =>
  [...shapes, ...codes.flatMap((code) => shapes.map((shape) => `${code},${shape}`))].map((shape) =>
    shapeOf(shape.split(",").map(Number)),
  );

// As people write them whatever stands between, behind the number of the country or not.
const EVERYDAY_SHAPES = new Set(
  shapesOf(
    ["2", "3", "4", "5"],
    ["3,4,4", "4,3,3", "3,3,3", "2,4,4", "1,4,4", "3,8", "11", "10", "9"],
  ),
);

const MOBILE_SHAPES = (() => {
  const cn = ["3,4,4", "11", "3,8", "7,4", "3,3,5", "4,4,3", "3,2,2,2,2", "3,3,3,2", "5,6", "6,5"];
  const tw = ["4,3,3", "10", "4,6", "2,4,4", "3,3,4", "4,2,2,2", "7,3", "5,5", "2,8"];
  const twAbroad = ["9", "3,3,3", "3,6", "1,4,4", "1,2,3,3", "1,3,3,3", "1,9", "4,3,3", "10"];
  const abroad = twAbroad.flatMap((shape) => [`3,${shape}`, `5,${shape}`]);
  return new Set([...shapesOf(["2", "4"], cn), ...shapesOf([], [...tw, ...abroad])]);
})();

const hasMobileShape = (ends: number): boolean => isEven(ends) || MOBILE_SHAPES.has(ends);
