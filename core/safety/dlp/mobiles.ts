import type { Detector } from "../../../config/detectors.ts";
import {
  type Candidate,
  gapsOf,
  hasShape,
  isEven,
  isInternational,
  isUniform,
  sizesOf,
  writtenAs,
} from "./candidate.ts";

// Numbers that China's carriers have been given. https://en.wikipedia.org/wiki/Telephone_numbers_in_China
const CN_MOBILE = /^(?:(?:00)?86)?(1(?:3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8})$/;
const TW_MOBILE = /^(?:09\d{8}|(?:00)?8860?9\d{8})$/;

// A bit for each length: it tells most of what is none, cheaper than an expression does.
const MOBILE_LENGTHS = {
  cn: (1 << 11) | (1 << 13) | (1 << 15),
  tw: (1 << 10) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 15),
} as const;

const isChineseMobile = (digits: string): boolean =>
  ((MOBILE_LENGTHS.cn >>> digits.length) & 1) === 1 && CN_MOBILE.test(digits);

const isTaiwanMobile = (digits: string): boolean =>
  ((MOBILE_LENGTHS.tw >>> digits.length) & 1) === 1 && TW_MOBILE.test(digits);

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
  const { digits } = candidate;
  const isChinese = isChineseMobile(digits);
  if (!isChinese && !isTaiwanMobile(digits)) return undefined;
  if (isInternational(candidate) && !/^8[68]/.test(digits)) return undefined;
  const sizes = sizesOf(candidate);
  const gaps = gapsOf(candidate);
  // 1-800-555-0199 is American.
  if (sizes.length === 4 && sizes.join() === "1,3,3,4") return undefined;
  const isUsual = hasShape(sizes, gaps, hasMobileShape);
  const isFarApart = gaps.includes("words");
  if (isFarApart && !isUsual) return undefined;
  const hasWord = candidate.words.has(PHONE_WORDS, candidate.start);
  // Most that are grouped in another way end here.
  if (!isUsual && !hasWord) return undefined;
  if (isOfSomethingElse(candidate, sizes.length === 1 && !hasWord)) return undefined;
  if (isAbroad(candidate)) return undefined;
  const isClear = isUsual && !isFarApart && !isFigures(candidate, sizes);
  if (!isClear && !hasWord) return undefined;
  return isChinese ? "cn_mobile" : "tw_mobile";
};

/**
 * Whether the words right before it call it the number of something else, or what stands behind it makes it
 * a quantity. The bare name of a thing, `order 13800138000`, does so only for digits in one row: who has
 * more to say between, or groups them, means a phone.
 */
const isOfSomethingElse = (candidate: Candidate, isInOneRow: boolean): boolean => {
  const { text, start, words, all, last } = candidate;
  if (words.has(NAMED_OTHERWISE, start)) return true;
  if (isInOneRow && words.has(OF_A_THING, start)) return true;
  const end = all.ends[last] ?? 0;
  return UNIT_BEHIND.test(text.slice(end, end + 8));
};

/** Whether it is the end of a number of another country: +1 (415) …, +44 7… */
const isAbroad = ({ text, start }: Candidate): boolean => {
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
const isFigures = (candidate: Candidate, sizes: readonly number[]): boolean => {
  const { text, all, first, last } = candidate;
  if (sizes.length === 2) return text.slice(all.ends[first], all.starts[last]) === ".";
  if (sizes.length === 4 && ADDRESS.test(writtenAs(candidate))) return true;
  // Single digits are spelled.
  if (!gapsOf(candidate).includes("mark") || sizes.every((size) => size === 1)) return false;
  return !EVERYDAY_SHAPES.test(sizes.join()) && !isUniform(candidate);
};

// As people write them whatever stands between, behind the number of the country or not.
const EVERYDAY_SHAPES = /^(?:[2-5],)?(?:3,4,4|4,3,3|3,3,3|2,4,4|1,4,4|3,8|11|10|9)$/;

const MOBILE_SHAPES = (() => {
  const cn = ["3,4,4", "11", "3,8", "7,4", "3,3,5", "4,4,3", "3,2,2,2,2", "3,3,3,2", "5,6", "6,5"];
  const tw = ["4,3,3", "10", "4,6", "2,4,4", "3,3,4", "4,2,2,2", "7,3", "5,5", "2,8"];
  const twAbroad = ["9", "3,3,3", "3,6", "1,4,4", "1,2,3,3", "1,3,3,3", "1,9", "4,3,3", "10"];
  const shapes = new Set([...cn, ...tw]);
  for (const shape of cn) for (const code of ["2", "4"]) shapes.add(`${code},${shape}`);
  for (const shape of twAbroad) for (const code of ["3", "5"]) shapes.add(`${code},${shape}`);
  return shapes;
})();

const MOST_GROUPS = 6;

const hasMobileShape = (sizes: readonly number[]): boolean =>
  isEven(sizes) || (sizes.length <= MOST_GROUPS && MOBILE_SHAPES.has(sizes.join()));
