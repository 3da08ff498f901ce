import type { Detector } from "../../../config/detectors.ts";
import { hasCardForm } from "./cards.ts";
import { isDate, isResidentIdValid } from "./checksums.ts";
import { type Digits, type Gap, readDigits } from "./digit-groups.ts";
import type { Detected } from "./finding.ts";

/** Some groups in a row that may be one number. */
interface Candidate {
  readonly digits: string;
  /** How many digits stand together; `joined` counts across line breaks. */
  readonly sizes: readonly number[];
  readonly joined: readonly number[];
  readonly gaps: readonly Gap[];
  /** The text that it stands in, and where. */
  readonly text: string;
  readonly start: number;
}

const MAX_DIGITS = 19;
const MIN_DIGITS = 9;
const CONTEXT_UNITS = 40;

/** Payment cards, US social security, China's resident and the mobile numbers in a folded text. */
export const findNumbers = (text: string): Detected[] => {
  const digits = readDigits(text);
  const findings: Detected[] = [];
  for (let i = 0; i < digits.starts.length; ) {
    const found = numberAt(text, digits, i);
    if (found) findings.push(found.finding);
    i = found ? found.next : i + 1;
  }
  return findings;
};

/** The number that starts with a group, the longest first. */
const numberAt = (text: string, { all, starts, ends, froms, gaps }: Digits, first: number) => {
  const start = starts[first] ?? 0;
  const from = froms[first] ?? 0;
  const firstDigit = all.charCodeAt(from);
  const lengths = LENGTHS_BY_FIRST[firstDigit - 48] ?? 0;
  if (lengths === 0) return undefined;
  let last = first;
  while (last - first < MAX_DIGITS && last + 1 < starts.length && gaps[last] !== "break") last++;
  // No number is one digit over and over; a row of them is passed by without a look at each length.
  let same = 1;
  while (same < MAX_DIGITS && all.charCodeAt(from + same) === firstDigit) same++;
  for (; last >= first; last--) {
    const end = ends[last] ?? 0;
    const length = (froms[last] ?? 0) + end - (starts[last] ?? 0) - from;
    if (length < MIN_DIGITS) break;
    if (length <= same || length > MAX_DIGITS || ((lengths >>> length) & 1) === 0) continue;
    const digits = all.slice(from, from + length);
    const withCheck = length === 17 ? checkCharacterBehind(text, end) : undefined;
    if (withCheck !== undefined && isResidentId(`${digits}X`) && !isPartBefore(text, start)) {
      return { finding: numberFinding("cn_resident_id", start, withCheck), next: last + 1 };
    }
    if (!mayBe(digits) || isPartBehind(text, end)) continue;
    if (isPartBefore(text, start)) return undefined;
    const between = gaps.slice(first, last);
    const sizes = starts.slice(first, last + 1).map((own, i) => (ends[first + i] ?? own) - own);
    const type = typeOf({
      digits,
      sizes,
      joined: joinLines(sizes, between),
      gaps: between,
      text,
      start,
    });
    if (type) return { finding: numberFinding(type, start, end), next: last + 1 };
  }
  return undefined;
};

const numberFinding = (type: Detector, start: number, end: number): Detected => ({
  type,
  start,
  end,
});

// How long a number with this first digit can be, a bit for each length: most groups end here.
const LENGTHS_BY_FIRST: readonly number[] = [
  [9, 10, 13, 14, 15],
  [9, 11, 15, 17, 18],
  [9, 15, 16, 17, 18, 19],
  [9, 14, 15, 16, 17, 18, 19],
  [9, 13, 15, 16, 17, 18, 19],
  [9, 12, 13, 14, 15, 16, 17, 18, 19],
  [9, 12, 13, 14, 15, 16, 17, 18, 19],
  [9, 15, 17, 18],
  [9, 12, 13, 15, 16, 17, 18, 19],
  [],
].map((lengths) => lengths.reduce((bits, length) => bits | (1 << length), 0));

/** Whether the digits alone allow any kind of number. */
const mayBe = (digits: string): boolean =>
  digits.length === 9
    ? SSN.test(digits)
    : isResidentId(digits) ||
      hasOldResidentForm(digits) ||
      hasCardForm(digits) ||
      isChineseMobile(digits) ||
      isTaiwanMobile(digits);

const joinLines = (sizes: readonly number[], gaps: readonly Gap[]): readonly number[] => {
  if (!gaps.includes("line")) return sizes;
  const joined: number[] = [];
  for (const [i, size] of sizes.entries()) {
    if (i > 0 && gaps[i - 1] === "line") joined.push((joined.pop() ?? 0) + size);
    else joined.push(size);
  }
  return joined;
};

// What a number may be joined to a word or to more digits with.
const JOINT = /[A-Za-z_.-]/;

const isPartBefore = (text: string, start: number): boolean =>
  JOINT.test(text[start - 1] ?? "") &&
  /(?:[A-Za-z_]|\d[-.]|\d\s?\.|[A-Za-z0-9]-)$/.test(text.slice(Math.max(0, start - 3), start)) &&
  !/(?:tel|phone|mobile|cell|ssn|card|no|id)[-_]?$/i.test(
    text.slice(Math.max(0, start - 8), start),
  );

const isPartBehind = (text: string, end: number): boolean =>
  JOINT.test(text[end] ?? "") &&
  /^(?:[A-Za-z_]|[-.]\d|-[A-Za-z0-9])/.test(text.slice(end, end + 2));

/** Offset behind the X that ends a resident number, which may stand a little apart. */
const checkCharacterBehind = (text: string, end: number): number | undefined => {
  const match = /^[\s\-.]{0,3}[Xx](?![A-Za-z0-9_])/.exec(text.slice(end, end + 5));
  return match ? end + match[0].length : undefined;
};

/** What stands before a number, in lower case. */
const wordsBefore = ({ text, start }: Candidate): string =>
  text.slice(Math.max(0, start - CONTEXT_UNITS), start).toLowerCase();

const isInternational = ({ text, start }: Candidate): boolean =>
  /\+\s{0,2}\(?$/.test(text.slice(Math.max(0, start - 4), start));

const typeOf = (candidate: Candidate): Detector | undefined => {
  const { digits } = candidate;
  if (digits.length === 9) return isSocialSecurity(candidate) ? "us_ssn" : undefined;
  if (isResidentId(digits)) return "cn_resident_id";
  if (hasOldResidentForm(digits) && RESIDENT_WORDS.test(wordsBefore(candidate)))
    return "cn_resident_id";
  return isCard(candidate) ? "credit_card" : mobileOf(candidate);
};

// First and last of the numbers that provinces have.
const PROVINCES = [11, 15, 21, 23, 31, 37, 41, 46, 50, 54, 61, 65, 71, 71, 81, 83];

const isProvince = (number: number): boolean => {
  for (let i = 0; i < PROVINCES.length; i += 2) {
    if (number >= (PROVINCES[i] ?? 0) && number <= (PROVINCES[i + 1] ?? 0)) return true;
  }
  return false;
};

const twoDigits = (digits: string, at: number): number =>
  digits.charCodeAt(at) * 10 + digits.charCodeAt(at + 1) - 48 * 11;

const isResidentId = (id: string): boolean =>
  id.length === 18 &&
  isProvince(twoDigits(id, 0)) &&
  isDate(twoDigits(id, 6) * 100 + twoDigits(id, 8), twoDigits(id, 10), twoDigits(id, 12)) &&
  isResidentIdValid(id);

const RESIDENT_WORDS = /身[份分][证證]|[证證]件|公民身份|居民|resident id|id card|national id/;

/** The form until 1999: two digits for the year, no check character. */
const hasOldResidentForm = (digits: string): boolean =>
  digits.length === 15 &&
  isProvince(twoDigits(digits, 0)) &&
  isDate(1900 + twoDigits(digits, 6), twoDigits(digits, 8), twoDigits(digits, 10));

const CARD_WORDS =
  /card|visa|master|amex|american express|jcb|unionpay|discover|diners|信用卡|卡[号號]|刷卡|[银銀][行联聯]卡|[银銀][联聯]|付款卡|[储儲]蓄卡|借[记記]卡|\bcc\b|\bpan\b|payment/;

const isCard = (candidate: Candidate): boolean =>
  hasCardForm(candidate.digits) &&
  (hasCardShape(candidate.sizes) ||
    hasCardShape(candidate.joined) ||
    CARD_WORDS.test(wordsBefore(candidate)));

const hasCardShape = (sizes: readonly number[]): boolean =>
  isEven(sizes) ||
  sizes.every((size) => size % 4 === 0) ||
  ["4,6,5", "4,6,4", "6,13", "6,10"].includes(sizes.join());

// Areas 000, 666 and from 900 on, groups 00 and serials 0000 are never given.
const SSN = /^(?!000|666|9)\d{3}(?!00)\d\d(?!0000)\d{4}$/;
const SSN_WORDS = /ssn|social|社[會会]安全|社安|social security/;

const isSocialSecurity = (candidate: Candidate): boolean =>
  SSN.test(candidate.digits) &&
  (hasSocialSecurityShape(candidate) || SSN_WORDS.test(wordsBefore(candidate))) &&
  !isInternational(candidate);

/** Three, two and four digits, or single ones with dashes and blanks between. */
const hasSocialSecurityShape = ({ sizes, gaps }: Candidate): boolean => {
  if (gaps.length === 0 || gaps.includes("mark") || gaps.includes("words")) return false;
  if (sizes.length === 3 && sizes[0] === 3 && sizes[1] === 2) return true;
  return sizes.length === 9 && gaps.includes("dash") && gaps.includes("space");
};

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
  /手[机機]|[电電][话話]|[联聯][系絡络]|行[动動]|撥打|拨打|致[电電]|[号號][码碼]|微信|phone|mobile|cell|call|tel\b|tel[:.]|contact|whatsapp|sms|text me|reach me/;
const OTHER_NUMBERS =
  /[订訂][单單]|[单單][号號]|[编編][号號]|流水|[运運][单單]|快[递遞]|追[踪蹤]|序[列號号]|[发發]票|[时時][间間]戳|工[单單]|案[号號]|order|invoice|tracking|ticket|serial|timestamp|isbn|imei|\bsku\b|\bcase\b|\bref\b|build|batch|version|[版批]/;

const mobileOf = (candidate: Candidate): Detector | undefined => {
  const { digits, sizes, joined, gaps } = candidate;
  const isChinese = isChineseMobile(digits);
  if (!isChinese && !isTaiwanMobile(digits)) return undefined;
  if (isInternational(candidate) && !/^8[68]/.test(digits)) return undefined;
  const before = wordsBefore(candidate);
  // The end of a number of another country: +1 (415) …, +44 7…
  const isAbroad =
    before.includes("+") &&
    /\+\s?\d{1,3}[\s\-(]{0,3}$/.test(before) &&
    !/\+\s?(?:86|886)[\s\-()0]{0,4}$/.test(before);
  if (isAbroad) return undefined;
  const shape = sizes.join();
  const isUsual =
    isEven(sizes) || MOBILE_SHAPES.has(shape) || isEven(joined) || MOBILE_SHAPES.has(joined.join());
  const isFarApart = gaps.includes("words") && !MOBILE_SHAPES.has(shape);
  const isClear = isUsual && !isFarApart && !OTHER_NUMBERS.test(before.slice(-16));
  if (!isClear && !PHONE_WORDS.test(before)) return undefined;
  return isChinese ? "cn_mobile" : "tw_mobile";
};

const MOBILE_SHAPES = (() => {
  const cn = ["3,4,4", "11", "3,8", "7,4", "3,3,5", "4,4,3", "3,2,2,2,2", "3,3,3,2", "5,6", "6,5"];
  const tw = ["4,3,3", "10", "4,6", "2,4,4", "3,3,4", "4,2,2,2", "7,3", "5,5", "2,8"];
  const twAbroad = ["9", "3,3,3", "3,6", "1,4,4", "1,2,3,3", "1,3,3,3", "1,9", "4,3,3", "10"];
  const shapes = new Set([...cn, ...tw]);
  for (const shape of cn) for (const code of ["2", "4"]) shapes.add(`${code},${shape}`);
  for (const shape of twAbroad) for (const code of ["3", "5"]) shapes.add(`${code},${shape}`);
  return shapes;
})();

/** All groups of one size, but for a shorter last one. One group is even. */
const isEven = (sizes: readonly number[]): boolean => {
  const size = sizes[0] ?? 0;
  return sizes.every((own, i) => own === size || (i === sizes.length - 1 && own < size));
};
