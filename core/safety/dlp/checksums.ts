import { scratch } from "../scratch.ts";

const ZERO = 0x30;
const NINE = 0x39;

/**
 * Luhn's check, check digit included, for any part of a row of digits: from one on up to another.
 * One pass over all of them makes each a single look; few texts have what asks for one.
 */
export const createLuhn = (digits: Uint8Array): ((from: number, to: number) => boolean) => {
  let sums: LuhnSums | undefined;
  return (from, to) => {
    sums ??= sumsOf(digits);
    const own = (to & 1) === 0 ? sums.evenDoubled : sums.oddDoubled;
    return own[from] === own[to];
  };
};

/** Sums of what stands before a digit, modulo 10, with those at even places doubled, or the others. */
interface LuhnSums {
  readonly evenDoubled: Uint8Array;
  readonly oddDoubled: Uint8Array;
}

const sumsOf = (digits: Uint8Array): LuhnSums => {
  const evenDoubled = scratch.uint8(digits.length + 1);
  const oddDoubled = scratch.uint8(digits.length + 1);
  let even = 0;
  let odd = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits[i] ?? 0;
    const doubled = digit > 4 ? digit * 2 - 9 : digit * 2;
    even = (even + ((i & 1) === 0 ? doubled : digit)) % 10;
    odd = (odd + ((i & 1) === 0 ? digit : doubled)) % 10;
    evenDoubled[i + 1] = even;
    oddDoubled[i + 1] = odd;
  }
  return { evenDoubled, oddDoubled };
};

const RESIDENT_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** ISO 7064 MOD 11-2 over 17 digits from one on and their check character's value, as on China's resident cards. */
export const isResidentIdValid = (digits: Uint8Array, from: number, check: number): boolean => {
  let sum = 0;
  for (let i = 0; i < 17; i++) sum += (RESIDENT_WEIGHTS[i] ?? 0) * (digits[from + i] ?? 0);
  return (sum + check) % 11 === 1;
};

// Taiwan's letters in the order of their numbers, which start at 10.
const TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
const TW_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 1, 1];

/** Taiwan's national and resident numbers: a letter, a digit (or a second letter) and 8 digits. */
export const isTaiwanIdValid = (id: string): boolean => {
  const letter = TW_LETTERS.indexOf(id[0] ?? "") + 10;
  if (letter < 10) return false;
  let sum = Math.floor(letter / 10) + (letter % 10) * 9;
  for (let i = 0; i < TW_WEIGHTS.length; i++) {
    const unit = id.charCodeAt(i + 1);
    const value = unit <= NINE ? unit - ZERO : TW_LETTERS.indexOf(id[i + 1] ?? "") % 10;
    sum += (TW_WEIGHTS[i] ?? 0) * value;
  }
  return sum % 10 === 0;
};

/** ISO 7064 MOD 97-10 over an IBAN of so many digits and letters, without separators, an A as 10. */
export const isIbanValid = (values: Uint8Array, length: number): boolean => {
  let rest = 0;
  // From behind the first four, which come last.
  for (let i = 4; i < length + 4; i++) {
    const value = values[i < length ? i : i - length] ?? 0;
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
};

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether the calendar has this day, between 1900 and 2099. */
export const isDate = (year: number, month: number, day: number): boolean => {
  if (year < 1900 || year > 2099 || month < 1 || month > 12 || day < 1) return false;
  const isLeap = year % 4 === 0 && year !== 1900;
  return day <= (month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0));
};
