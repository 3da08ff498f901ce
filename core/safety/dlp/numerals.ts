import { stringOf, unitsOf } from "../units.ts";

// As people write digits who do not type them, by value: for reading aloud, for bank forms, enclosed.
const HAN = [
  "〇零○",
  "一壹弌幺㈠㊀",
  "二贰貳貮弍㈡㊁",
  "三叁參叄参弎㈢㊂",
  "四肆㈣㊃",
  "五伍㈤㊄",
  "六陆陸㈥㊅",
  "七柒㈦㊆",
  "八捌㈧㊇",
  "九玖㈨㊈",
];
// Where Unicode has the signs for one to nine in a row: ⑴ ⒈ ⓵ ❶ ➀ ➊.
const ONES = [0x2474, 0x2488, 0x24f5, 0x2776, 0x2780, 0x278a];

const NONE = 0;
const SEPARATOR = 1;
const ZERO = 0x30;
const NINE = 0x39;

/** By UTF-16 unit: the ASCII digit that a person reads, SEPARATOR for what stands between, or NONE. */
const READ_AS = (() => {
  const digits = new Uint8Array(0x1_0000);
  for (let unit = ZERO; unit <= NINE; unit++) digits[unit] = unit;
  for (let unit = 0x80; unit < 0x3000; unit++) {
    // ① ² ₂
    const char = String.fromCharCode(unit);
    const plain = char.normalize("NFKC");
    if (/\p{No}/u.test(char) && /^[0-9]$/.test(plain)) digits[unit] = plain.charCodeAt(0);
  }
  for (const one of ONES) for (let i = 0; i < 9; i++) digits[one + i] = ZERO + 1 + i;
  for (const [value, chars] of HAN.entries()) {
    for (const char of chars) digits[char.charCodeAt(0)] = ZERO + value;
  }
  for (const char of " \t\r\n-.,·/、") digits[char.charCodeAt(0)] = SEPARATOR;
  return digits;
})();

// Fewer are a count, a year or a list.
const LEAST_NUMERALS = 9;
const MAX_SEPARATORS = 3;
// Letters for nought and one, in a word that has digits and nothing else but two letters in front, or in
// a group of four: 4OOO OOOO OOOO OOO2.
const HAS_LETTER_DIGITS = /\d[OoIl]|[OoIl]\d/;
const LONG_NUMBER = /[\dOoIl](?:[ \t\r\n\-.,·/、]{0,3}[A-HJ-NP-Za-kmnp-z]{0,2}[\dOoIl]){8}/;
const MAX_PREFIX = 2;
const LEAST_OF_WORD = 3;
const MOST_OF_WORD = 40;
const LETTERS_ALONE = 4;

/** By UTF-16 unit: the digit that it is, or that it is written for; 0 for none. */
const DIGIT_OF = (() => {
  const digits = new Uint8Array(0x1_0000);
  for (let unit = ZERO; unit <= NINE; unit++) digits[unit] = unit;
  for (const char of "Oo") digits[char.charCodeAt(0)] = ZERO;
  for (const char of "Il") digits[char.charCodeAt(0)] = ZERO + 1;
  return digits;
})();

/**
 * A folded text with digits for what a person would read as such in a long number: numerals, and `O`
 * or `l` among digits. Of the same length; undefined where there is nothing of the kind.
 */
export const readNumerals = (text: string): string | undefined => {
  const read = readRuns(text);
  // The latter takes in all that `isInLongNumber` does, and more.
  const all = HAS_LETTER_DIGITS.test(read) && LONG_NUMBER.test(read) ? readLetters(read) : read;
  return all === text ? undefined : all;
};

const readLetters = (text: string): string => {
  const units = unitsOf(text);
  let isRead = false;
  for (let at = 0; at < units.length; at++) {
    if (!isLetterDigit(units[at] ?? 0)) continue;
    const start = wordStart(units, at);
    at = wordEnd(units, at);
    if (!isOfDigits(units, start, at) || !isInLongNumber(units, start, at)) continue;
    isRead = true;
    for (let i = start; i < at; i++) units[i] = digitOf(units, i) || (units[i] ?? 0);
  }
  return isRead ? stringOf(units) : text;
};

const digitOf = (units: Uint16Array, at: number): number => DIGIT_OF[units[at] ?? 0] ?? NONE;

const isDigit = (unit: number): boolean => unit >= ZERO && unit <= NINE;

const isLetterDigit = (unit: number): boolean => unit > NINE && (DIGIT_OF[unit] ?? NONE) !== NONE;

const isLetter = (unit: number): boolean => {
  const small = unit | 0x20;
  return small >= 0x61 && small <= 0x7a;
};

const UNDERSCORE = 0x5f;

const isOfWord = (unit: number): boolean => isLetter(unit) || isDigit(unit) || unit === UNDERSCORE;

const wordStart = (units: Uint16Array, within: number): number => {
  let start = within;
  while (start > 0 && isOfWord(units[start - 1] ?? 0)) start--;
  return start;
};

const wordEnd = (units: Uint16Array, within: number): number => {
  let end = within + 1;
  while (end < units.length && isOfWord(units[end] ?? 0)) end++;
  return end;
};

/** Whether a word consists of digits and letters for them, behind two other letters at most. */
const isOfDigits = (units: Uint16Array, start: number, end: number): boolean => {
  for (let prefix = 0; prefix <= MAX_PREFIX; prefix++) {
    if (areDigits(units, start + prefix, end)) return true;
    if (!isLetter(units[start + prefix] ?? 0)) return false;
  }
  return false;
};

const areDigits = (units: Uint16Array, start: number, end: number): boolean => {
  const length = end - start;
  if (length < LEAST_OF_WORD || length > MOST_OF_WORD) return false;
  let hasDigit = false;
  for (let at = start; at < end; at++) {
    if (digitOf(units, at) === NONE) return false;
    hasDigit ||= isDigit(units[at] ?? 0);
  }
  return hasDigit || length === LETTERS_ALONE;
};

/** Whether a word is one of those, parted by separators only, that have enough digits for a number. */
const isInLongNumber = (units: Uint16Array, start: number, end: number): boolean => {
  let digits = 0;
  for (let at = start; at < end; at++) digits += digitOf(units, at) === NONE ? 0 : 1;
  for (const step of [-1, 1]) {
    let separators = 0;
    let at = step < 0 ? start - 1 : end;
    for (; at >= 0 && at < units.length && separators <= MAX_SEPARATORS; at += step) {
      if (digits >= LEAST_NUMERALS) break;
      if (digitOf(units, at) !== NONE) {
        digits++;
        separators = 0;
      } else if (kindOf(units, at) === SEPARATOR) separators++;
      else break;
    }
  }
  return digits >= LEAST_NUMERALS;
};

const readRuns = (text: string): string => {
  const units = unitsOf(text);
  if (!hasWritten(units)) return text;
  let isRead = false;
  for (let at = 0; at < units.length; at++) {
    if (kindOf(units, at) <= SEPARATOR) continue;
    const start = at;
    let numerals = 0;
    let separators = 0;
    let isWritten = false;
    for (; at < units.length && separators <= MAX_SEPARATORS; at++) {
      const kind = kindOf(units, at);
      if (kind === NONE) break;
      if (kind === SEPARATOR) separators++;
      else {
        separators = 0;
        numerals++;
        isWritten ||= (units[at] ?? 0) > NINE;
      }
    }
    at--;
    if (!isWritten || numerals < LEAST_NUMERALS) continue;
    isRead = true;
    for (let i = start; i <= at; i++) {
      const kind = kindOf(units, i);
      if (kind > SEPARATOR) units[i] = kind;
    }
  }
  return isRead ? stringOf(units) : text;
};

const kindOf = (units: Uint16Array, at: number): number => READ_AS[units[at] ?? 0] ?? NONE;

/** Whether there are numerals other than digits: in most texts with numbers there are none. */
const hasWritten = (units: Uint16Array): boolean => {
  for (let at = 0; at < units.length; at++) {
    if ((units[at] ?? 0) > NINE && kindOf(units, at) > SEPARATOR) return true;
  }
  return false;
};

/** Start of the numerals that go on up to `end` in a folded text and may become a long number. */
export const openNumerals = (text: string, end: number): number => {
  let start = end;
  let separators = 0;
  let isWritten = false;
  for (let at = end - 1; at >= 0 && separators <= MAX_SEPARATORS; at--) {
    const unit = text.charCodeAt(at);
    const kind = READ_AS[unit] ?? NONE;
    if (kind === NONE) break;
    if (kind === SEPARATOR) separators++;
    else {
      separators = 0;
      start = at;
      isWritten ||= unit > NINE;
    }
  }
  return isWritten ? start : end;
};
