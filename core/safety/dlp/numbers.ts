import type { Detector } from "../../../config/detectors.ts";
import {
  type Candidate,
  hasGap,
  hasShape,
  isBlank,
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
import { type Digits, fourFrom, GAP, gapsWithin, MOST_DIGITS, nextGroup } from "./digit-groups.ts";
import type { Detected } from "./finding.ts";
import { isOfAnotherCountry, mobileOf } from "./mobiles.ts";
import { hasProvince, otherLengths } from "./number-lengths.ts";
import { createNumberWords, type NumberWords } from "./number-words.ts";

const LEAST_DIGITS = 9;
// Lengths as bits.
const SOCIAL = 1 << 9;
const FIFTEEN = 1 << 15;
/** China's resident numbers, without the X that one may end in. */
const RESIDENT = (1 << 17) | (1 << 18);

/** Payment cards, US social security, China's resident and the mobile numbers in a folded text that has these digits. */
export const findNumbers = (text: string, digits: Digits, now: () => Date): Detected[] => {
  const search = {
    text,
    now,
    digits,
    words: createNumberWords(text),
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
  readonly words: NumberWords;
  /** Of the digits from one on up to another. */
  isLuhnValid(from: number, to: number): boolean;
}

/** The number that starts with the group of a digit, the longest first. */
const numberAt = (search: Search, from: number) => {
  const { text, now, digits, words } = search;
  const cards = validCards(search, from);
  const rest = cards | likelyOthers(search, from);
  if (rest === 0) return undefined;
  const start = digits.offsets[from] ?? 0;
  if (isPartBefore(text, start)) return undefined;
  const same = sameDigits(digits, from);
  for (let left = rest; left !== 0; ) {
    const length = 31 - Math.clz32(left);
    left ^= 1 << length;
    if (length <= same) return undefined;
    const ends = (digits.ends[from] ?? 0) & ((2 << length) - 1);
    const candidate = { digits, from, length, ends, text, start, words };
    const last = from + length - 1;
    const end = (digits.offsets[last] ?? 0) + 1;
    const withCheck = length === 17 ? checkCharacterBehind(text, end) : undefined;
    if (withCheck !== undefined && isResidentId(candidate, TEN, now)) {
      return { finding: numberFinding("cn_resident_id", start, withCheck), last };
    }
    const type = typeOf(candidate, ((cards >>> length) & 1) === 1, now);
    if (!type || isPartBehind(text, end)) continue;
    return { finding: numberFinding(type, startWithPlus(text, start), end), last };
  }
  return undefined;
};

/** How many digits from one on make a card with a valid check digit: a bit for each length. */
const validCards = ({ digits, isLuhnValid }: Search, from: number): number => {
  let valid = 0;
  let rest = cardLengths(fourFrom(digits, from)) & (digits.ends[from] ?? 0);
  while (rest !== 0) {
    const length = 31 - Math.clz32(rest);
    rest ^= 1 << length;
    if (isLuhnValid(from, from + length)) valid |= 1 << length;
  }
  return valid;
};

/** How many digits from one on may make another number, by the digits and what they need: bits, too. */
const likelyOthers = (search: Search, from: number): number => {
  const { digits, words } = search;
  const lengths = otherLengths(fourFrom(digits, from)) & (digits.ends[from] ?? 0);
  let likely = lengths;
  if ((lengths & RESIDENT) !== 0 && !hasDate(digits, from, 4)) likely &= ~RESIDENT;
  if ((lengths & SOCIAL) !== 0 && !mayBeSocialSecurity(search, from)) likely &= ~SOCIAL;
  // With the number of the country in front it is a mobile number, else of a resident. Most of what has a
  // date is none: who had such a number says what it is.
  if ((lengths & FIFTEEN) !== 0 && !isAbroad(digits, from)) {
    const start = digits.offsets[from] ?? 0;
    if (!hasDate(digits, from, 2) || !words.resident.areBefore(start)) likely &= ~FIFTEEN;
  }
  return likely;
};

/** How often a digit stands in a row, up to the most that a number has: none is of one digit only. */
const sameDigits = ({ values, count }: Digits, from: number): number => {
  const most = Math.min(MOST_DIGITS, count - from);
  let same = 1;
  while (same < most && values[from + same] === values[from]) same++;
  return same;
};

const isAbroad = ({ pairs }: Digits, from: number): boolean => pairs[from] === 0;

/** Whether a resident's number, in which the year has two or four digits, has a day of the calendar. */
const hasDate = (digits: Digits, from: number, yearDigits: 2 | 4): boolean => {
  const { pairs } = digits;
  const at = from + 6 + yearDigits;
  const month = pairs[at] ?? 0;
  // Most end here.
  if (month < 1 || month > 12) return false;
  const year = yearDigits === 2 ? 1900 + (pairs[at - 2] ?? 0) : fourFrom(digits, at - 4);
  return isDate(year, month, pairs[at + 2] ?? 0);
};

const numberFinding = (type: Detector, start: number, end: number): Detected => ({
  type,
  start,
  end,
});

/** Whether a number goes on from a word, or from more digits with a mark between. */
const isPartBefore = (text: string, start: number): boolean => {
  if (start === 0) return false;
  const before = text.charCodeAt(start - 1);
  const second = text.charCodeAt(start - 2);
  if (before === DOT)
    return isDigit(second) || (isBlank(second) && isDigit(text.charCodeAt(start - 3)));
  const isPart = before === DASH ? isLetter(second) || isDigit(second) : isOfWord(before);
  return isPart && !NAME_BEFORE.test(text.slice(Math.max(0, start - 8), start));
};

const NAME_BEFORE = /(?:tel|phone|mobile|cell|ssn|card|no|id)[-_]?$/i;

const isPartBehind = (text: string, end: number): boolean => {
  const behind = text.charCodeAt(end);
  if (behind !== DOT && behind !== DASH) return isOfWord(behind);
  const second = text.charCodeAt(end + 1);
  return isDigit(second) || (behind === DASH && isLetter(second));
};

const DOT = 0x2e;
const DASH = 0x2d;
const UNDERSCORE = 0x5f;

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;

const isLetter = (unit: number): boolean => {
  const small = unit | 0x20;
  return small >= 0x61 && small <= 0x7a;
};

const isOfWord = (unit: number): boolean => isLetter(unit) || unit === UNDERSCORE;

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
  if (hasOldResidentForm(candidate) && candidate.words.resident.areBefore(candidate.start))
    return "cn_resident_id";
  return hasCheckDigit && isCard(candidate) ? "credit_card" : mobileOf(candidate);
};

// What the X that ends a resident's number is worth.
const TEN = 10;

const isResidentId = ({ digits, from }: Candidate, check: number, now: () => Date): boolean =>
  hasProvince(digits.pairs[from] ?? 0) &&
  hasDate(digits, from, 4) &&
  isResidentIdValid(digits.values, from, check) &&
  // The year of birth.
  fourFrom(digits, from + 6) <= now().getUTCFullYear();

/** The form until 1999: two digits for the year, no check character. */
const hasOldResidentForm = ({ digits, from, length }: Candidate): boolean =>
  length === 15 && hasProvince(digits.pairs[from] ?? 0) && hasDate(digits, from, 2);

const isCard = (candidate: Candidate): boolean =>
  (hasShape(candidate, hasCardShape) && !isList(candidate)) ||
  candidate.words.card.areBefore(candidate.start);

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

const SOCIAL_SECURITY = shapeOf([3, 2, 4]);
const SINGLE_DIGITS = shapeOf([1, 1, 1, 1, 1, 1, 1, 1, 1]);

/** Three, two and four digits that may be such a number, and are written or named as one. */
const mayBeSocialSecurity = ({ digits, words }: Search, from: number): boolean => {
  const { pairs, offsets } = digits;
  // There is no group 00 and no serial 0000.
  if (pairs[from + 3] === 0 || fourFrom(digits, from + 5) === 0) return false;
  return isSocialSecurity(digits, from) || words.socialSecurity.areBefore(offsets[from] ?? 0);
};

/** Three, two and four digits, or single ones with dashes and blanks between. */
const isSocialSecurity = (digits: Digits, from: number): boolean => {
  const ends = (digits.ends[from] ?? 0) & ((2 << LEAST_DIGITS) - 1);
  if (ends !== SOCIAL_SECURITY && ends !== SINGLE_DIGITS) return false;
  const gaps = gapsWithin(digits, from, LEAST_DIGITS);
  if ((gaps & (GAP.mark | GAP.words)) !== 0) return false;
  return ends === SOCIAL_SECURITY || ((gaps & GAP.dash) !== 0 && (gaps & GAP.space) !== 0);
};
