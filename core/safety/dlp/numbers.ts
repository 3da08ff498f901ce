import type { Detector } from "../../../config/detectors.ts";
import {
  type Candidate,
  hasGap,
  hasShape,
  isCount,
  isEven,
  isInternational,
  isUniform,
  shapeOf,
  startWithPlus,
  writtenAs,
} from "./candidate.ts";
import { cardLengths } from "./cards.ts";
import { createLuhn, isDate, isResidentIdValid } from "./checksums.ts";
import {
  type Digits,
  GAP,
  gapsWithin,
  MOST_DIGITS,
  nextGroup,
  numberOf,
  readDigits,
} from "./digit-groups.ts";
import type { Detected } from "./finding.ts";
import { isOfAnotherCountry, mobileOf } from "./mobiles.ts";
import { hasProvince, otherLengths } from "./number-lengths.ts";
import { createWordsBefore, type WordsBefore } from "./words-before.ts";

const LEAST_DIGITS = 9;

/** Payment cards, US social security, China's resident and the mobile numbers in a folded text. */
export const findNumbers = (text: string, now: () => Date): Detected[] => {
  const digits = readDigits(text);
  const search = {
    text,
    now,
    digits,
    words: createWordsBefore(text),
    isLuhnValid: createLuhn(digits.values),
  };
  const findings: Detected[] = [];
  for (let from = 0; from + LEAST_DIGITS <= digits.count; ) {
    const found = numberAt(search, from);
    if (found) findings.push(found.finding);
    from = nextGroup(digits, found ? found.last : from);
  }
  return findings;
};

/** A text in which numbers are looked for. */
interface Search {
  readonly text: string;
  now(): Date;
  readonly digits: Digits;
  readonly words: WordsBefore;
  /** Of the digits from one on up to another. */
  isLuhnValid(from: number, to: number): boolean;
}

/** The number that starts with the group of a digit, the longest first. */
const numberAt = ({ text, now, digits, words, isLuhnValid }: Search, from: number) => {
  const { values, offsets } = digits;
  const head = numberOf(values, from, 4);
  const [cards, others] = [cardLengths(head), otherLengths(head)];
  if ((cards | others) === 0) return undefined;
  const ends = digits.ends[from] ?? 0;
  const start = offsets[from] ?? 0;
  const same = sameDigits(digits, from);
  for (let rest = (cards | others) & ends; rest !== 0; ) {
    const length = 31 - Math.clz32(rest);
    rest ^= 1 << length;
    if (length <= same) return undefined;
    const hasCheckDigit = ((cards >>> length) & 1) === 1 && isLuhnValid(from, from + length);
    if (!hasCheckDigit && (((others >>> length) & 1) === 0 || !mayBe(values, from, length)))
      continue;
    const shape = ends & ((2 << length) - 1);
    if (length === 9 && !isSocialSecurity(digits, from, shape) && !words.has(SSN_WORDS, start))
      continue;
    // Most of what has a date is none: who had such a number says what it is.
    const needsWord = length === 15 && !isAbroad(values, from) && !hasCheckDigit;
    if (needsWord && !words.has(RESIDENT_WORDS, start)) continue;
    const candidate = { digits, from, length, ends: shape, text, start, words };
    const last = from + length - 1;
    const end = (offsets[last] ?? 0) + 1;
    const withCheck = length === 17 ? checkCharacterBehind(text, end) : undefined;
    if (
      withCheck !== undefined &&
      isResidentId(candidate, TEN, now) &&
      !isPartBefore(text, start)
    ) {
      return { finding: numberFinding("cn_resident_id", start, withCheck), last };
    }
    const type = typeOf(candidate, hasCheckDigit, now);
    if (!type || isPartBehind(text, end)) continue;
    if (isPartBefore(text, start)) return undefined;
    return { finding: numberFinding(type, startWithPlus(text, start), end), last };
  }
  return undefined;
};

/** How often a digit stands in a row, up to the most that a number has: none is of one digit only. */
const sameDigits = ({ values, count }: Digits, from: number): number => {
  const most = Math.min(MOST_DIGITS, count - from);
  let same = 1;
  while (same < most && values[from + same] === values[from]) same++;
  return same;
};

/** Whether the digits alone allow any number of this length but a card, whose head does. */
const mayBe = (values: Uint8Array, from: number, length: number): boolean => {
  // Social security has no group 00 and no serial 0000.
  if (length === 9) return numberOf(values, from + 3, 2) > 0 && numberOf(values, from + 5, 4) > 0;
  if (length < 15) return true;
  // With the number of the country in front it is a mobile number, else of a resident.
  if (length === 15) return isAbroad(values, from) || hasDate(values, from, 2);
  return hasDate(values, from, 4);
};

const isAbroad = (values: Uint8Array, from: number): boolean => numberOf(values, from, 2) === 0;

/** Whether a resident's number, in which the year has two or four digits, has a day of the calendar. */
const hasDate = (values: Uint8Array, from: number, yearDigits: 2 | 4): boolean => {
  const at = from + 6 + yearDigits;
  const month = numberOf(values, at, 2);
  // Most end here.
  if (month < 1 || month > 12) return false;
  const year = yearDigits === 2 ? 1900 + numberOf(values, at - 2, 2) : numberOf(values, at - 4, 4);
  return isDate(year, month, numberOf(values, at + 2, 2));
};

const numberFinding = (type: Detector, start: number, end: number): Detected => ({
  type,
  start,
  end,
});

// What a number may be joined to a word or to more digits with.
const isJoint = (unit: number): boolean => {
  const small = unit | 0x20;
  return (small >= 0x61 && small <= 0x7a) || unit === 0x5f || unit === 0x2e || unit === 0x2d;
};

const isPartBefore = (text: string, start: number): boolean =>
  isJoint(text.charCodeAt(start - 1)) &&
  /(?:[A-Za-z_]|\d[-.]|\d\s?\.|[A-Za-z0-9]-)$/.test(text.slice(Math.max(0, start - 3), start)) &&
  !/(?:tel|phone|mobile|cell|ssn|card|no|id)[-_]?$/i.test(
    text.slice(Math.max(0, start - 8), start),
  );

const isPartBehind = (text: string, end: number): boolean =>
  isJoint(text.charCodeAt(end)) &&
  /^(?:[A-Za-z_]|[-.]\d|-[A-Za-z0-9])/.test(text.slice(end, end + 2));

/** Offset behind the X that ends a resident number, which may stand a little apart. */
const checkCharacterBehind = (text: string, end: number): number | undefined => {
  const match = /^[\s\-.]{0,3}[Xx×хХχΧ](?![A-Za-z0-9_])/.exec(text.slice(end, end + 5));
  return match ? end + match[0].length : undefined;
};

const typeOf = (
  candidate: Candidate,
  hasCheckDigit: boolean,
  now: () => Date,
): Detector | undefined => {
  const { length, digits, from } = candidate;
  if (length === 9) {
    return isInternational(candidate) || isOfAnotherCountry(candidate) ? undefined : "us_ssn";
  }
  if (length === 18 && isResidentId(candidate, digits.values[from + 17] ?? 0, now))
    return "cn_resident_id";
  if (hasOldResidentForm(candidate) && candidate.words.has(RESIDENT_WORDS, candidate.start))
    return "cn_resident_id";
  return hasCheckDigit && isCard(candidate) ? "credit_card" : mobileOf(candidate);
};

// What the X that ends a resident's number is worth.
const TEN = 10;

const isResidentId = (
  { digits: { values }, from }: Candidate,
  check: number,
  now: () => Date,
): boolean =>
  hasProvince(numberOf(values, from, 2)) &&
  hasDate(values, from, 4) &&
  isResidentIdValid(values, from, check) &&
  // The year of birth.
  numberOf(values, from + 6, 4) <= now().getUTCFullYear();

const RESIDENT_WORDS = /身[份分][证證]|[证證]件|公民身份|居民|resident id|id card|national id/;

/** The form until 1999: two digits for the year, no check character. */
const hasOldResidentForm = ({ digits: { values }, from, length }: Candidate): boolean =>
  length === 15 && hasProvince(numberOf(values, from, 2)) && hasDate(values, from, 2);

const CARD_WORDS =
  /card|visa|master|amex|american express|jcb|unionpay|discover|diners|信用卡|卡[号號]|刷卡|[银銀][行联聯]卡|[银銀][联聯]|付款卡|[储儲]蓄卡|借[记記]卡|\bcc\b|\bpan\b|payment/;

const isCard = (candidate: Candidate): boolean =>
  (hasShape(candidate, hasCardShape) && !isList(candidate)) ||
  candidate.words.has(CARD_WORDS, candidate.start);

/** Whether groups are counted up with words between, or are items with commas or in quotes. */
const isList = (candidate: Candidate): boolean => {
  const isFarApart = hasGap(candidate, GAP.words);
  if (isFarApart && isCount(candidate)) return true;
  if (!isFarApart && !hasSingleDigit(candidate.ends)) return false;
  return (isFarApart ? ITEMS : QUOTED).test(writtenAs(candidate)) && !isUniform(candidate);
};

const hasSingleDigit = (ends: number): boolean => (ends & ((ends << 1) | 2)) !== 0;

const ITEMS = /[,;，；、]/;
const QUOTED = /["'`]/;

const FOURS = shapeOf([4, 4, 4, 4]);
const CARD_SHAPES = new Set(
  [
    [4, 6, 5],
    [4, 6, 4],
    [6, 13],
    [6, 10],
  ].map(shapeOf),
);

const hasCardShape = (ends: number): boolean =>
  isEven(ends) || (ends & ~FOURS) === 0 || CARD_SHAPES.has(ends);

const SSN_WORDS = /ssn|social|社[會会]安全|社安|social security/;

const SOCIAL_SECURITY = shapeOf([3, 2, 4]);
const SINGLE_DIGITS = shapeOf([1, 1, 1, 1, 1, 1, 1, 1, 1]);

/** Three, two and four digits, or single ones with dashes and blanks between. */
const isSocialSecurity = (digits: Digits, from: number, ends: number): boolean => {
  if (ends !== SOCIAL_SECURITY && ends !== SINGLE_DIGITS) return false;
  const gaps = gapsWithin(digits, from, 9);
  if ((gaps & (GAP.mark | GAP.words)) !== 0) return false;
  return ends === SOCIAL_SECURITY || ((gaps & GAP.dash) !== 0 && (gaps & GAP.space) !== 0);
};
