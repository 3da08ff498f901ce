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
import { GAP, numberOf } from "./digit-groups.ts";

// What the numbers that China's carriers have been given start with.
// https://en.wikipedia.org/wiki/Telephone_numbers_in_China
const CN_CARRIER = /^1(?:3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])$/;
const CN_CARRIERS = new Set(
  Array.from({ length: 1000 }, (_, head) => head).filter((head) => CN_CARRIER.test(String(head))),
);

/** Whether it is a number of China, with the number of the country or without. */
const isChineseMobile = ({ digits: { values }, from, length }: Candidate): boolean => {
  if (length !== 11 && length !== 13 && length !== 15) return false;
  if (length > 11 && numberOf(values, from, length - 11) !== 86) return false;
  return CN_CARRIERS.has(numberOf(values, from + length - 11, 3));
};

/** The same of Taiwan, where the nought may go on behind the number of the country. */
const isTaiwanMobile = ({ digits: { values }, from, length }: Candidate): boolean => {
  const country = length - 9;
  const number = numberOf(values, from, country + 1);
  if (length === 10) return number === 9;
  if (length === 12) return number === 8869;
  if (length === 13) return number === 88609;
  if (length === 14) return number === 8869;
  return length === 15 && number === 88609;
};

const PHONE_WORDS =
  /手[机機]|[电電][话話]|[联聯][系絡络繫]|行[动動]|[打撥拨][:\s]{0,2}$|打[給给]|[致來来回][电電]|[号號][码碼]|微信|phone|mobile|\bcell|\bcall(?:ing|ed)?\b|tel\b|tel[:.]|contact|whatsapp|sms|text me|reach me/;
// Things that have numbers, and the words for those numbers.
const THING =
  "[订訂][单單]|[运運][单單]|工[单單]|快[递遞]|流水|追[踪蹤]|序列|[发發]票|[时時][间間]戳|[版批][本次]?|合同|商品|[产產]品|物料|会[议議]|(?<![a-z])(?:order|invoice|tracking|ticket|serial|timestamp|isbn|imei|sku|case|ref|reference|build|batch|version|transaction|product|item|part|meeting|zoom)s?";
const THINGS_NUMBER = `(?:${THING})(?:[\\s_?-]?(?:number|num|no\\.?|id|code)|[号號][码碼]?|[编編][号號码碼])|[单單编編学學考案票序批货貨设設备備][号號][码碼]?|[条條编編][码碼]|(?<![a-z])s\\/?n|"id"|[?&]id`;
// Up to the number, which may be the second or third of a list.
const UP_TO = "(?:[是为為]|\\s(?:is|was))?[\\s:#=(\"'/]{0,4}(?:\\d{1,20}、\\s?){0,2}$";
const NAMED_OTHERWISE = new RegExp(`(?:${THINGS_NUMBER})${UP_TO}`);
const OF_A_THING = new RegExp(`(?:${THING}|[编編][号號])${UP_TO}`);
// Sizes and sums.
const UNIT_BEHIND = /^\s?(?:元(?!旦)|美元|[块塊][钱錢]|字[节節]|bytes\b)/i;

/** Which kind of mobile number it is, if any. */
export const mobileOf = (candidate: Candidate): Detector | undefined => {
  const { ends, start, words } = candidate;
  const isChinese = isChineseMobile(candidate);
  if (!isChinese && !isTaiwanMobile(candidate)) return undefined;
  if (isInternational(candidate) && !hasCountry(candidate)) return undefined;
  // 1-800-555-0199 is American.
  if (ends === AMERICAN) return undefined;
  const isUsual = hasShape(candidate, hasMobileShape);
  const isFarApart = hasGap(candidate, GAP.words);
  if (isFarApart && !isUsual) return undefined;
  const hasWord = words.has(PHONE_WORDS, start);
  // Most that are grouped in another way, or far apart, end here.
  if ((isFarApart || !isUsual) && !hasWord) return undefined;
  const isInOneRow = groupsIn(ends) === 1;
  if (isOfSomethingElse(candidate, isInOneRow && !hasWord)) return undefined;
  if (isOfAnotherCountry(candidate)) return undefined;
  const isClear = isUsual && !isFarApart && !isFigures(candidate);
  if (!isClear && !hasWord) return undefined;
  return isChinese ? "cn_mobile" : "tw_mobile";
};

const hasCountry = ({ digits: { values }, from }: Candidate): boolean => {
  const country = numberOf(values, from, 2);
  return country === 86 || country === 88;
};

const AMERICAN = shapeOf([1, 3, 3, 4]);

/**
 * Whether the words right before it call it the number of something else, or what stands behind it makes it
 * a quantity. The bare name of a thing, `order 13800138000`, does so only for digits in one row: who has
 * more to say between, or groups them, means a phone.
 */
const isOfSomethingElse = (candidate: Candidate, isInOneRow: boolean): boolean => {
  const { text, start, words } = candidate;
  if (words.has(NAMED_OTHERWISE, start)) return true;
  if (isInOneRow && words.has(OF_A_THING, start)) return true;
  const end = endOf(candidate);
  return UNIT_BEHIND.test(text.slice(end, end + 8));
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
