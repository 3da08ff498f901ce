import { scratch } from "../scratch.ts";
import { unitsOf } from "../units.ts";
import { isIbanValid, isTaiwanIdValid } from "./checksums.ts";
import { type Digits, GAP } from "./digit-groups.ts";
import type { Detected } from "./finding.ts";

// National: 1 or 2. Residents: 8 or 9, until 2021 a second letter A to D.
const TW_ID = /[A-Za-z][\s\-.,/]{0,3}[1289A-Da-d](?:[\s\-.,·_/|*、]{0,3}\d){8}(?![A-Za-z0-9_])/y;
const TW_DIGITS = 8;
const MAX_SEPARATORS = 3;

/** Taiwan's national and resident numbers in a folded text that has these digits. */
export const findTaiwanIds = (text: string, digits: Digits): Detected[] => {
  const { count, offsets, gaps, ends } = digits;
  const { filler } = GAP;
  const findings: Detected[] = [];
  let taken = 0;
  // From their digits, as letters are in most texts and so many digits without a break in few.
  for (let first = 0; first < count; first++) {
    // No other gap has a letter.
    if (first > 0 && (gaps[first - 1] ?? 0) < filler) continue;
    if ((ends[first] ?? 0) < 1 << TW_DIGITS) continue;
    const last = letterBefore(text, offsets[first] ?? 0);
    // Of two letters the first, or the only one.
    for (const start of [letterBefore(text, last), last]) {
      if (start < taken || isOfWord(text.charCodeAt(start - 1))) continue;
      TW_ID.lastIndex = start;
      const [written] = TW_ID.exec(text) ?? [];
      if (written === undefined) continue;
      taken = start + written.length;
      if (isTaiwanId(written)) findings.push({ type: "tw_id", start, end: taken });
    }
  }
  return findings;
};

/** Where the letter stands before an offset, or a few units apart; -1 for no letter. */
const letterBefore = (text: string, end: number): number => {
  for (let at = end - 1; at >= Math.max(0, end - 1 - MAX_SEPARATORS); at--) {
    const unit = text.charCodeAt(at);
    if (isLetterOrDigit(unit)) return unit <= NINE ? -1 : at;
  }
  return -1;
};

const isOfWord = (unit: number): boolean => isLetterOrDigit(unit) || unit === UNDERSCORE;

const isTaiwanId = (written: string): boolean => {
  const id = written.replaceAll(/[^A-Za-z0-9]/g, "").toUpperCase();
  if (!isTaiwanIdValid(id) || /^.(\d)\1+$/.test(id)) return false;
  // Figures in a row: x 1.16, 0.89, 1.14.
  const marks = new Set(written.replaceAll(/[A-Za-z0-9\s]/g, ""));
  return marks.size <= 1 || !marks.has(".");
};

const LETTER = 0x1f;

/** A number for two letters, small or capital. */
const countryOf = (first: number, second: number): number =>
  ((first & LETTER) << 5) | (second & LETTER);

// Country and length of its IBAN. https://www.swift.com/standards/data-standards/iban-international-bank-account-number
const IBANS = `AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18
  DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23
  IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30
  NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23
  ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30`;
const LONGEST_IBAN = 34;

/** By country; 0 for none. */
const IBAN_LENGTHS = (() => {
  const lengths = new Uint8Array(0x400);
  for (const entry of IBANS.split(/\s+/)) {
    lengths[countryOf(entry.charCodeAt(0), entry.charCodeAt(1))] = Number(entry.slice(2));
  }
  return lengths;
})();

// Begins where a letter meets a digit, which is rarer than the start of a word.
const IBAN_START =
  /[A-Za-z][\s\-.]{0,2}\d[\s\-.]{0,2}\d(?<=(?<![A-Za-z0-9_])(?:[Ii][Bb][Aa][Nn])?[A-Za-z][\s\-.]{0,2}[A-Za-z][\s\-.]{0,2}\d[\s\-.]{0,2}\d)/g;
// Its check digits: few texts have any.
const TWO_DIGITS = /\d[\s\-.]{0,2}\d/;

/** By UTF-16 unit: 1 for what may stand between. A folded text has no more of them. */
const IS_SEPARATOR = Uint8Array.from({ length: 0x3002 }, (_, unit) =>
  /[\s\-.,·_:/|*、]/.test(String.fromCharCode(unit)) ? 1 : 0,
);

/** International bank account numbers in a folded text. */
export const findIbans = (text: string): Detected[] => {
  if (!TWO_DIGITS.test(text)) return [];
  const findings: Detected[] = [];
  const values = scratch.uint8(LONGEST_IBAN);
  const units = unitsOf(text);
  let taken = 0;
  IBAN_START.lastIndex = 0;
  // Nothing is made of any start: there may be one in every four units.
  while (IBAN_START.test(text)) {
    const second = letterOrDigitBefore(units, IBAN_START.lastIndex, 3);
    const start = letterOrDigitBefore(units, second, 1);
    if (start < taken) continue;
    const length = IBAN_LENGTHS[countryOf(units[start] ?? 0, units[second] ?? 0)] ?? 0;
    const end = length === 0 ? undefined : ibanEnd(units, start, values, length);
    if (end === undefined) continue;
    findings.push({ type: "iban", start, end });
    taken = end;
  }
  return findings;
};

/** Where the last letter or digit before an offset stands, or the last but one … of which there are so many. */
const letterOrDigitBefore = (units: Uint16Array, end: number, count: number): number => {
  let at = end;
  for (let left = count; left > 0; left--) {
    at--;
    while (!isLetterOrDigit(units[at] ?? 0)) at--;
  }
  return at;
};

/** Offset behind the valid IBAN of so many digits and letters that starts here; `values` is room for them. */
const ibanEnd = (
  units: Uint16Array,
  start: number,
  values: Uint8Array,
  length: number,
): number | undefined => {
  let count = 0;
  let separators = 0;
  for (let i = start; i < units.length; i++) {
    const unit = units[i] ?? 0;
    if (isLetterOrDigit(unit)) {
      values[count++] = unit <= NINE ? unit - ZERO : (unit & LETTER) + 9;
      separators = 0;
      if (count < length) continue;
      const next = units[i + 1] ?? 0;
      if (isOfWord(next)) return undefined;
      return isIbanValid(values, length) ? i + 1 : undefined;
    }
    if (IS_SEPARATOR[unit] !== 1 || ++separators > MAX_SEPARATORS) return undefined;
  }
  return undefined;
};

const UNDERSCORE = 0x5f;
const ZERO = 0x30;
const NINE = 0x39;

const isLetterOrDigit = (unit: number): boolean =>
  (unit >= ZERO && unit <= NINE) ||
  (unit >= 0x41 && unit <= 0x5a) ||
  (unit >= 0x61 && unit <= 0x7a);
