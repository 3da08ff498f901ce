import type { Detector } from "../../../config/detectors.ts";
import { isDate, isLuhnValid, isResidentIdValid } from "./checksums.ts";
import { type Digits, type Gap, readDigits } from "./digit-groups.ts";
import type { Finding } from "./finding.ts";

/** Some groups in a row that may be one number. */
interface Candidate {
  readonly digits: string;
  /** How many digits stand together; `joined` counts across line breaks. */
  readonly sizes: readonly number[];
  readonly joined: readonly number[];
  readonly gaps: ReadonlySet<Gap>;
  readonly isInternational: boolean;
  /** What stands before, in lower case. */
  readonly before: string;
}

const MAX_DIGITS = 19;
const CONTEXT_UNITS = 40;

/** Payment cards, US social security, China's resident and the mobile numbers in a folded text. */
export const findNumbers = (text: string): Finding[] => {
  const digits = readDigits(text);
  const findings: Finding[] = [];
  for (let i = 0; i < digits.groups.length; ) {
    const found = numberAt(text, digits, i);
    if (found) findings.push(found.finding);
    i = found ? found.next : i + 1;
  }
  return findings;
};

/** The number that starts with a group, the longest first. */
const numberAt = (text: string, { all, groups }: Digits, first: number) => {
  const start = groups[first];
  if (!start) return undefined;
  const firstDigit = all.charCodeAt(start.from);
  // No number is one digit over and over; a row of them is passed by without a look at each length.
  let same = 1;
  while (same < MAX_DIGITS && all.charCodeAt(start.from + same) === firstDigit) same++;
  let last = first;
  while (last - first < MAX_DIGITS && groups[last]?.gap !== "break") last++;
  for (; last >= first; last--) {
    const group = groups[last];
    if (!group) continue;
    const length = group.from + group.end - group.start - start.from;
    if (length < 9) break;
    if (length <= same || !LENGTHS_BY_FIRST[firstDigit - 48]?.includes(length)) continue;
    const digits = all.slice(start.from, start.from + length);
    const withCheck = length === 17 ? checkCharacterBehind(text, group.end) : undefined;
    if (withCheck !== undefined && isResidentId(`${digits}X`) && !isPartBefore(text, start.start)) {
      return { finding: numberFinding("cn_resident_id", start.start, withCheck), next: last + 1 };
    }
    if (!mayBe(digits) || isPartBehind(text, group.end)) continue;
    if (isPartBefore(text, start.start)) return undefined;
    const gaps = groups.slice(first, last).map(({ gap }) => gap);
    const sizes = groups.slice(first, last + 1).map(({ start, end }) => end - start);
    const type = typeOf({
      digits,
      sizes,
      joined: joinLines(sizes, gaps),
      gaps: new Set(gaps),
      isInternational: /\+\s{0,2}\(?$/.test(text.slice(Math.max(0, start.start - 4), start.start)),
      before: text.slice(Math.max(0, start.start - CONTEXT_UNITS), start.start).toLowerCase(),
    });
    if (type) return { finding: numberFinding(type, start.start, group.end), next: last + 1 };
  }
  return undefined;
};

const numberFinding = (type: Detector, start: number, end: number): Finding => ({
  type,
  start,
  end,
});

// How long a number with this first digit can be: most groups end here.
const LENGTHS_BY_FIRST: readonly (readonly number[])[] = [
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
];

/** Whether the digits alone allow any kind of number. */
const mayBe = (digits: string): boolean =>
  digits.length === 9
    ? SSN.test(digits)
    : isResidentId(digits) ||
      hasOldResidentForm(digits) ||
      CN_MOBILE.test(digits) ||
      TW_MOBILE.test(digits) ||
      hasCardForm(digits);

const joinLines = (sizes: readonly number[], gaps: readonly Gap[]): readonly number[] => {
  if (!gaps.includes("line")) return sizes;
  const joined: number[] = [];
  for (const [i, size] of sizes.entries()) {
    if (i > 0 && gaps[i - 1] === "line") joined.push((joined.pop() ?? 0) + size);
    else joined.push(size);
  }
  return joined;
};

const isPartBefore = (text: string, start: number): boolean =>
  /(?:[A-Za-z_]|\d[-.]|\d\s?\.|[A-Za-z0-9]-)$/.test(text.slice(Math.max(0, start - 3), start)) &&
  !/(?:tel|phone|mobile|cell|ssn|card|no|id)[-_]?$/i.test(
    text.slice(Math.max(0, start - 8), start),
  );

const isPartBehind = (text: string, end: number): boolean =>
  /^(?:[A-Za-z_]|[-.]\d|-[A-Za-z0-9])/.test(text.slice(end, end + 2));

/** Offset behind the X that ends a resident number, which may stand a little apart. */
const checkCharacterBehind = (text: string, end: number): number | undefined => {
  const match = /^[\s\-.]{0,3}[Xx](?![A-Za-z0-9_])/.exec(text.slice(end, end + 5));
  return match ? end + match[0].length : undefined;
};

const typeOf = (candidate: Candidate): Detector | undefined => {
  const { digits, before } = candidate;
  if (isResidentId(digits)) return "cn_resident_id";
  if (hasOldResidentForm(digits) && RESIDENT_WORDS.test(before)) return "cn_resident_id";
  if (isCard(candidate)) return "credit_card";
  if (isSocialSecurity(candidate)) return "us_ssn";
  return mobileOf(candidate);
};

const PROVINCES = /^(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])/;

const isResidentId = (id: string): boolean =>
  id.length === 18 &&
  PROVINCES.test(id) &&
  isDate(Number(id.slice(6, 10)), Number(id.slice(10, 12)), Number(id.slice(12, 14))) &&
  isResidentIdValid(id);

const RESIDENT_WORDS = /身[份分][证證]|[证證]件|公民身份|居民|resident id|id card|national id/;

/** The form until 1999: two digits for the year, no check character. */
const hasOldResidentForm = (digits: string): boolean =>
  digits.length === 15 &&
  PROVINCES.test(digits) &&
  isDate(
    1900 + Number(digits.slice(6, 8)),
    Number(digits.slice(8, 10)),
    Number(digits.slice(10, 12)),
  );

// First digits and lengths of the brands: Visa, Mastercard, American Express, Discover, Diners Club,
// JCB, UnionPay, Mir, Maestro. https://en.wikipedia.org/wiki/Payment_card_number
const BRANDS: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^4/, [13, 16, 19]],
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^(?:6011|64[4-9]|65)/, [16, 17, 18, 19]],
  [/^(?:30[0-5]|3095|36|3[89])/, [14, 16, 19]],
  [/^35(?:2[89]|[3-8])/, [16, 17, 18, 19]],
  [/^(?:62|81)/, [16, 17, 18, 19]],
  [/^220[0-4]/, [16, 17, 18, 19]],
  [/^(?:5018|5020|5038|5893|6304|6759|676[1-3])/, [12, 13, 14, 15, 16, 17, 18, 19]],
];
const CARD_WORDS =
  /card|visa|master|amex|american express|jcb|unionpay|discover|diners|信用卡|卡[号號]|刷卡|[银銀][行联聯]卡|[银銀][联聯]|付款卡|[储儲]蓄卡|借[记記]卡|\bcc\b|\bpan\b|payment/;

const hasCardForm = (digits: string): boolean =>
  BRANDS.some(([prefix, lengths]) => lengths.includes(digits.length) && prefix.test(digits)) &&
  isLuhnValid(digits);

const isCard = ({ digits, sizes, joined, before }: Candidate): boolean =>
  hasCardForm(digits) &&
  ([sizes, joined].some(
    (shape) =>
      isEven(shape) ||
      shape.every((size) => size % 4 === 0) ||
      ["4,6,5", "4,6,4", "6,13", "6,10"].includes(shape.join()),
  ) ||
    CARD_WORDS.test(before));

// Areas 000, 666 and from 900 on, groups 00 and serials 0000 are never given.
const SSN = /^(?!000|666|9)\d{3}(?!00)\d\d(?!0000)\d{4}$/;
const SSN_WORDS = /ssn|social|社[會会]安全|社安|social security/;

const isSocialSecurity = ({ digits, sizes, gaps, before, isInternational }: Candidate): boolean => {
  if (isInternational || !SSN.test(digits)) return false;
  if (SSN_WORDS.test(before)) return true;
  if (gaps.size === 0 || gaps.has("mark") || gaps.has("words")) return false;
  if (sizes.join() === "3,2,4") return true;
  return gaps.has("dash") && isSpelledOut(sizes, gaps, [3, 2, 4]);
};

/** Single digits with blanks between, whose dashes would be where they belong. */
const isSpelledOut = (
  sizes: readonly number[],
  gaps: ReadonlySet<Gap>,
  shape: readonly number[],
): boolean =>
  gaps.has("space") &&
  sizes.every((size) => size === 1) &&
  sizes.length === shape.reduce((sum, size) => sum + size, 0);

// Numbers that China's carriers have been given. https://en.wikipedia.org/wiki/Telephone_numbers_in_China
const CN_MOBILE = /^(?:(?:00)?86)?(1(?:3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8})$/;
const TW_MOBILE = /^(?:09\d{8}|(?:00)?8860?9\d{8})$/;
const PHONE_WORDS =
  /手[机機]|[电電][话話]|[联聯][系絡络]|行[动動]|撥打|拨打|致[电電]|[号號][码碼]|微信|phone|mobile|cell|call|tel\b|tel[:.]|contact|whatsapp|sms|text me|reach me/;
const OTHER_NUMBERS =
  /[订訂][单單]|[单單][号號]|[编編][号號]|流水|[运運][单單]|快[递遞]|追[踪蹤]|序[列號号]|[发發]票|[时時][间間]戳|工[单單]|案[号號]|order|invoice|tracking|ticket|serial|timestamp|isbn|imei|\bsku\b|\bcase\b|\bref\b|build|batch|version|[版批]/;

const mobileOf = ({
  digits,
  sizes,
  joined,
  gaps,
  before,
  isInternational,
}: Candidate): Detector | undefined => {
  const isChinese = CN_MOBILE.test(digits);
  if (!isChinese && !TW_MOBILE.test(digits)) return undefined;
  if (isInternational && !/^8[68]/.test(digits)) return undefined;
  // The end of a number of another country: +1 (415) …, +44 7…
  if (/\+\s?\d{1,3}[\s\-(]{0,3}$/.test(before) && !/\+\s?(?:86|886)[\s\-()0]{0,4}$/.test(before))
    return undefined;
  const hasPhoneWords = PHONE_WORDS.test(before);
  if (!hasPhoneWords && OTHER_NUMBERS.test(before.slice(-16))) return undefined;
  if (gaps.has("words") && !hasPhoneWords && !MOBILE_SHAPES.has(sizes.join())) return undefined;
  const isUsual = [sizes, joined].some((shape) => isEven(shape) || MOBILE_SHAPES.has(shape.join()));
  if (!isUsual && !hasPhoneWords) return undefined;
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
