import { isIbanValid, isTaiwanIdValid } from "./checksums.ts";
import type { Detected } from "./finding.ts";

// National: 1 or 2. Residents: 8 or 9, until 2021 a second letter A to D.
const TW_ID =
  /(?<![A-Za-z0-9_])[A-Za-z][\s\-.,/]{0,3}[1289A-Da-d](?:[\s\-.,·_/|*、]{0,3}\d){8}(?![A-Za-z0-9_])/g;

// What every one of them holds: few texts with digits do, and this is told by the digits alone.
const EIGHT_DIGITS = /\d(?:[\s\-.,·_/|*、]{0,3}\d){7}/;

/** Taiwan's national and resident numbers in a folded text. */
export const findTaiwanIds = (text: string): Detected[] => {
  if (!EIGHT_DIGITS.test(text)) return [];
  const findings: Detected[] = [];
  for (const match of text.matchAll(TW_ID)) {
    const id = match[0].replaceAll(/[^A-Za-z0-9]/g, "").toUpperCase();
    if (!isTaiwanIdValid(id) || /^.(\d)\1+$/.test(id)) continue;
    // Figures in a row: x 1.16, 0.89, 1.14.
    const marks = new Set(match[0].replaceAll(/[A-Za-z0-9\s]/g, ""));
    if (marks.size > 1 && marks.has(".")) continue;
    findings.push({ type: "tw_id", start: match.index, end: match.index + match[0].length });
  }
  return findings;
};

// Country and length of its IBAN. https://www.swift.com/standards/data-standards/iban-international-bank-account-number
const IBAN_LENGTHS = new Map(
  `AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18
  DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23
  IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30
  NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23
  ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30`
    .split(/\s+/)
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))] as const),
);
// Begins where a letter meets a digit, which is rarer than the start of a word.
const IBAN_START =
  /([A-Za-z])[\s\-.]{0,2}\d[\s\-.]{0,2}\d(?<=(?<![A-Za-z0-9_])(?:[Ii][Bb][Aa][Nn])?(([A-Za-z])[\s\-.]{0,2})[A-Za-z][\s\-.]{0,2}\d[\s\-.]{0,2}\d)/g;
// Its check digits: few texts have any.
const TWO_DIGITS = /\d[\s\-.]{0,2}\d/;
const IBAN_SEPARATOR = /[\s\-.,·_:/|*、]/;
const MAX_SEPARATORS = 3;

/** International bank account numbers in a folded text. */
export const findIbans = (text: string): Detected[] => {
  if (!TWO_DIGITS.test(text)) return [];
  const findings: Detected[] = [];
  let taken = 0;
  for (const match of text.matchAll(IBAN_START)) {
    const [, second = "", before = "", first = ""] = match;
    const start = match.index - before.length;
    if (start < taken) continue;
    const length = IBAN_LENGTHS.get(`${first}${second}`.toUpperCase());
    const end = length === undefined ? undefined : ibanEnd(text, start, length);
    if (end === undefined) continue;
    findings.push({ type: "iban", start, end });
    taken = end;
  }
  return findings;
};

/** Offset behind the valid IBAN of that length that starts here. */
const ibanEnd = (text: string, start: number, length: number): number | undefined => {
  let iban = "";
  let separators = 0;
  for (let i = start; i < text.length; i++) {
    const char = text[i] ?? "";
    if (isLetterOrDigit(text.charCodeAt(i))) {
      iban += char;
      separators = 0;
      if (iban.length < length) continue;
      if (isLetterOrDigit(text.charCodeAt(i + 1)) || text[i + 1] === "_") return undefined;
      return isIbanValid(iban.toUpperCase()) ? i + 1 : undefined;
    }
    if (!IBAN_SEPARATOR.test(char) || ++separators > MAX_SEPARATORS) return undefined;
  }
  return undefined;
};

const isLetterOrDigit = (unit: number): boolean =>
  (unit >= 0x30 && unit <= 0x39) ||
  (unit >= 0x41 && unit <= 0x5a) ||
  (unit >= 0x61 && unit <= 0x7a);
