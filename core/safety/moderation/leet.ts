import type { FoldedText } from "../fold.ts";
import { KIND } from "./kinds.ts";
import { GAP, type LetterRow } from "./letter-row.ts";

const DOLLAR = 0x24;
/** In place of an i or an l. */
export const ONE = 0x31;

const tableOf = (pairs: readonly string[]): Uint16Array => {
  const table = new Uint16Array(0x20ad);
  for (const [from = "", to = ""] of pairs) table[from.charCodeAt(0)] = to.charCodeAt(0);
  return table;
};
const DIGITS = tableOf(["0o", "11", "3e", "4a", "5s", "7t"]);
const SIGNS = tableOf(["@a", "$s", "!1", "¡1", "|1", "€e", "£l", "¢c", "¥y"]);
// Before a word the others draw tables and name prices.
const BEFORE_WORD = [..."@$!"].map((sign) => sign.charCodeAt(0));

/** The letter that a sign stands for inside a Latin word, ONE for an i or an l; 0 for none. */
export const letterOfSign = (unit: number): number => SIGNS[unit] ?? 0;

export const isLatin = (unit: number | undefined): boolean =>
  unit !== undefined && unit >= 0x61 && unit <= 0x7a;

export const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;

// More signs in a row are no letters.
const MAX_SIGNS = 4;
// With more invisible characters between them, in units of the original, signs belong to nothing.
const MAX_UNITS = 64;

/**
 * Whether a sign stands before the letters that make it one, maybe with more signs between: one inside
 * a word, two before it, because what has only one is a price or the name of something.
 */
export const leadsWord = (
  { units, starts }: FoldedText,
  at: number,
  isInWord: boolean,
): boolean => {
  let next = at + 1;
  while (next - at < MAX_SIGNS && letterOfSign(units[next] ?? 0) !== 0) next += 1;
  const last = isInWord ? next : next + 1;
  if (last >= units.length || (starts[last] ?? 0) - (starts[at] ?? 0) > MAX_UNITS) return false;
  if (!isLatin(units[next])) return false;
  if (isInWord) return true;
  const unit = units[last] ?? 0;
  return BEFORE_WORD.includes(units[at] ?? 0) && (isLatin(unit) || isDigit(unit));
};

/** From which index of `units` on it takes more of the text to tell whether signs lead a word. */
export const undecidedSigns = ({ text, units, starts }: FoldedText): number => {
  const isSign = (at: number) => letterOfSign(units[at] ?? 0) !== 0;
  const end = isSign(units.length - 1) ? units.length : units.length - 1;
  let open = units.length;
  for (let at = end - 1; isSign(at) && end - at <= MAX_SIGNS; at -= 1) {
    if (text.length - (starts[at] ?? 0) > MAX_UNITS) break;
    open = at;
  }
  return open;
};

const MAX_DIGITS = 3;

/** The letter that a digit beside a Latin letter stands for, ONE for an i or an l; 0 for none. */
export const letterOfDigit = (letters: LetterRow, at: number): number => {
  const letter = DIGITS[letters.units[at] ?? 0] ?? 0;
  if (letter === 0) return 0;
  if (isLatin(letters.unitAfter(at))) return letter;
  // Behind a letter there may be more: he11.
  for (let before = at; at - before < MAX_DIGITS; before -= 1) {
    if (before === 0 || letters.gaps[before] !== GAP.none) return 0;
    const unit = letters.units[before - 1] ?? 0;
    if (isLatin(unit)) return letter;
    if (!DIGITS[unit]) return 0;
  }
  return 0;
};

const MIN_LETTERS = 2;
// Programs are full of $ex and $as.
const MIN_BEHIND_DOLLAR = 3;

/** Whether so little is read as letters that people read it so too: `h3r01n`, but no `A55`. */
export const isReadable = (
  letters: LetterRow,
  first: number,
  digits: number,
  others: number,
): boolean => {
  const isVariable = letters.kinds[first] === KIND.sign && letters.units[first] === DOLLAR;
  if (isVariable && others <= MIN_BEHIND_DOLLAR) return false;
  return digits === 0 || (others >= MIN_LETTERS && others >= digits);
};
