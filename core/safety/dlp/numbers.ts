import type { Detector } from "../../../config/detectors.ts";
import {
  type Candidate,
  gapsOf,
  hasShape,
  isCount,
  isEven,
  isInternational,
  isUniform,
  PLUS,
  sizesOf,
  writtenAs,
} from "./candidate.ts";
import { cardLengths, headOf } from "./cards.ts";
import { createLuhn, isDate, isResidentIdValid } from "./checksums.ts";
import { type Digits, readDigits } from "./digit-groups.ts";
import type { Detected } from "./finding.ts";
import { mobileOf } from "./mobiles.ts";
import { otherLengths, PROVINCE } from "./number-lengths.ts";
import { createWordsBefore, type WordsBefore } from "./words-before.ts";

const LEAST_DIGITS = 9;
const MAX_DIGITS = 19;

/** Payment cards, US social security, China's resident and the mobile numbers in a folded text. */
export const findNumbers = (text: string): Detected[] => {
  const digits = readDigits(text);
  const search = {
    text,
    digits,
    words: createWordsBefore(text),
    isLuhnValid: createLuhn(digits.all),
  };
  const findings: Detected[] = [];
  for (let i = 0; i < digits.gaps.length; ) {
    const found = numberAt(search, i);
    if (found) findings.push(found.finding);
    i = found ? found.next : i + 1;
  }
  return findings;
};

/** A text in which numbers are looked for. */
interface Search {
  readonly text: string;
  readonly digits: Digits;
  readonly words: WordsBefore;
  /** Of the digits in `digits.all` from an offset up to another. */
  isLuhnValid(from: number, to: number): boolean;
}

/** The number that starts with a group, the longest first. */
const numberAt = ({ text, digits, words, isLuhnValid }: Search, first: number) => {
  const { all, starts, ends, froms, lasts, endings } = digits;
  const start = starts[first] ?? 0;
  const from = froms[first] ?? 0;
  if (all.length - from < LEAST_DIGITS) return undefined;
  const head = headOf(all, from);
  const [cards, others] = [cardLengths(head), otherLengths(head)];
  if ((cards | others) === 0) return undefined;
  const furthest = lasts[first] ?? first;
  const same = sameDigits(all, from);
  for (let rest = cards | others; rest !== 0; ) {
    const length = 31 - Math.clz32(rest);
    rest ^= 1 << length;
    if (length <= same) return undefined;
    const last = endings[from + length] ?? -1;
    if (last < 0 || last > furthest) continue;
    const hasCheckDigit = ((cards >>> length) & 1) === 1 && isLuhnValid(from, from + length);
    if (!hasCheckDigit && (((others >>> length) & 1) === 0 || !mayBe(all, from, length))) continue;
    if (length === 9 && !isSocialSecurity(digits, first, last) && !words.has(SSN_WORDS, start))
      continue;
    // Most of what has a date is none: who had such a number says what it is.
    const needsWord = length === 15 && !all.startsWith("00", from) && !hasCheckDigit;
    if (needsWord && !words.has(RESIDENT_WORDS, start)) continue;
    const end = ends[last] ?? 0;
    const number = all.slice(from, from + length);
    const withCheck = length === 17 ? checkCharacterBehind(text, end) : undefined;
    if (withCheck !== undefined && isResidentId(`${number}X`) && !isPartBefore(text, start)) {
      return { finding: numberFinding("cn_resident_id", start, withCheck), next: last + 1 };
    }
    const candidate = { digits: number, text, start, words, all: digits, first, last };
    const type = typeOf(candidate, hasCheckDigit);
    if (!type || isPartBehind(text, end)) continue;
    if (isPartBefore(text, start)) return undefined;
    const sign = PLUS.exec(text.slice(Math.max(0, start - 5), start))?.[0] ?? "";
    return { finding: numberFinding(type, start - sign.length, end), next: last + 1 };
  }
  return undefined;
};

/** How often the digit at an offset stands there in a row, up to the most: no number is that only. */
const sameDigits = (all: string, from: number): number => {
  const digit = all.charCodeAt(from);
  let same = 1;
  const most = Math.min(MAX_DIGITS, all.length - from);
  while (same < most && all.charCodeAt(from + same) === digit) same++;
  return same;
};

/** Whether the digits alone allow any number of this length but a card, whose head does. */
const mayBe = (all: string, from: number, length: number): boolean => {
  // Social security has no group 00 and no serial 0000.
  if (length === 9) {
    return (
      twoDigits(all, from + 3) > 0 && (twoDigits(all, from + 5) > 0 || twoDigits(all, from + 7) > 0)
    );
  }
  if (length < 15) return true;
  // With the number of the country in front it is a mobile number, else of a resident.
  if (length === 15) return all.startsWith("00", from) || hasDate(all, from, 2);
  return hasDate(all, from, 4);
};

/** Whether a resident's number, in which the year has two or four digits, has a day of the calendar. */
const hasDate = (all: string, from: number, yearDigits: 2 | 4): boolean => {
  const at = from + 6 + yearDigits;
  const year = twoDigits(all, at - 2) + 100 * (yearDigits === 2 ? 19 : twoDigits(all, from + 6));
  return isDate(year, twoDigits(all, at), twoDigits(all, at + 2));
};

const numberFinding = (type: Detector, start: number, end: number): Detected => ({
  type,
  start,
  end,
});

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
  const match = /^[\s\-.]{0,3}[Xx×хХχΧ](?![A-Za-z0-9_])/.exec(text.slice(end, end + 5));
  return match ? end + match[0].length : undefined;
};

const typeOf = (candidate: Candidate, hasCheckDigit: boolean): Detector | undefined => {
  const { digits } = candidate;
  if (digits.length === 9) return isInternational(candidate) ? undefined : "us_ssn";
  if (isResidentId(digits)) return "cn_resident_id";
  if (hasOldResidentForm(digits) && candidate.words.has(RESIDENT_WORDS, candidate.start))
    return "cn_resident_id";
  return hasCheckDigit && isCard(candidate) ? "credit_card" : mobileOf(candidate);
};

const twoDigits = (digits: string, at: number): number =>
  digits.charCodeAt(at) * 10 + digits.charCodeAt(at + 1) - 48 * 11;

const isResidentId = (id: string): boolean =>
  id.length === 18 && PROVINCE.test(id) && hasDate(id, 0, 4) && isResidentIdValid(id);

const RESIDENT_WORDS = /身[份分][证證]|[证證]件|公民身份|居民|resident id|id card|national id/;

/** The form until 1999: two digits for the year, no check character. */
const hasOldResidentForm = (digits: string): boolean =>
  digits.length === 15 && PROVINCE.test(digits) && hasDate(digits, 0, 2);

const CARD_WORDS =
  /card|visa|master|amex|american express|jcb|unionpay|discover|diners|信用卡|卡[号號]|刷卡|[银銀][行联聯]卡|[银銀][联聯]|付款卡|[储儲]蓄卡|借[记記]卡|\bcc\b|\bpan\b|payment/;

const isCard = (candidate: Candidate): boolean => {
  const sizes = sizesOf(candidate);
  const gaps = gapsOf(candidate);
  return (
    (hasShape(sizes, gaps, hasCardShape) && !isList(candidate, sizes)) ||
    candidate.words.has(CARD_WORDS, candidate.start)
  );
};

/** Whether groups are counted up with words between, or are items with commas or in quotes. */
const isList = (candidate: Candidate, sizes: readonly number[]): boolean => {
  const isFarApart = gapsOf(candidate).includes("words");
  if (isFarApart && isCount(candidate)) return true;
  if (!isFarApart && !sizes.includes(1)) return false;
  return (isFarApart ? ITEMS : QUOTED).test(writtenAs(candidate)) && !isUniform(candidate);
};

const ITEMS = /[,;，；、]/;
const QUOTED = /["'`]/;

const hasCardShape = (sizes: readonly number[]): boolean =>
  isEven(sizes) ||
  sizes.every((size) => size % 4 === 0) ||
  (sizes.length <= 3 && CARD_SHAPES.includes(sizes.join()));

const CARD_SHAPES = ["4,6,5", "4,6,4", "6,13", "6,10"];

const SSN_WORDS = /ssn|social|社[會会]安全|社安|social security/;

/** Three, two and four digits, or single ones with dashes and blanks between. */
const isSocialSecurity = ({ starts, ends, gaps }: Digits, first: number, last: number): boolean => {
  const count = last - first + 1;
  if (count !== 3 && count !== 9) return false;
  let hasDash = false;
  let hasSpace = false;
  for (let at = first; at < last; at++) {
    if (gaps[at] === "mark" || gaps[at] === "words") return false;
    hasDash ||= gaps[at] === "dash";
    hasSpace ||= gaps[at] === "space";
  }
  if (count === 9) return hasDash && hasSpace;
  const sizeOf = (group: number): number => (ends[group] ?? 0) - (starts[group] ?? 0);
  return sizeOf(first) === 3 && sizeOf(first + 1) === 2;
};
