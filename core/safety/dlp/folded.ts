import { scratch } from "../scratch.ts";
import { stringOf, unitsOf } from "../units.ts";

/** A text as detectors read it, with the way back to the original. */
export interface Folded {
  readonly text: string;
  /** Offset in the original, in UTF-16 units, of the character at `index`; its length for the end. */
  startOf(index: number): number;
  /** Offset in the original just behind the character before `index`. */
  endOf(index: number): number;
}

/**
 * Folds full-width and mathematical letters and digits and the decimal digits of every script to
 * ASCII, also percent-encoded ones and character references, all dashes to `-`, all spaces to a blank; leaves out what is
 * invisible. Everything else stays as it is, so a text that needs none of this is its own folded form.
 * The way back lies in the scratch memory, where that is in use.
 */
export const fold = (text: string): Folded =>
  needsFolding(text) ? foldUnits(text) : identity(text);

const identity = (text: string): Folded => ({
  text,
  startOf: (index) => index,
  endOf: (index) => index,
});

const foldUnits = (text: string): Folded => {
  const units = scratch.uint16(text.length);
  const starts = scratch.uint32(text.length + 1);
  const ends = scratch.uint32(text.length + 1);
  let length = 0;
  for (let i = 0; i < text.length; ) {
    const unit = text.charCodeAt(i);
    const encoded = unit === PERCENT ? percentEncoded(text, i) : undefined;
    if (encoded !== undefined) {
      starts[length] = i;
      units[length] = encoded;
      i += 3;
      ends[++length] = i;
      continue;
    }
    const reference = unit === AMPERSAND ? referenceAt(text, i) : undefined;
    if (reference) {
      if (reference.unit !== DROPPED) {
        starts[length] = i;
        units[length] = reference.unit;
        ends[++length] = reference.end;
      }
      i = reference.end;
      continue;
    }
    const isPair = (unit & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
    const width = isPair ? 2 : 1;
    const folded = isPair ? foldAstral(text.codePointAt(i) ?? 0) : FOLDED_UNITS[unit];
    if (folded === KEEP_PAIR) {
      for (const part of [0, 1]) {
        starts[length] = i + part;
        units[length] = text.charCodeAt(i + part);
        ends[++length] = i + part + 1;
      }
    } else if (folded) {
      starts[length] = i;
      units[length] = folded;
      ends[++length] = i + width;
    }
    i += width;
  }
  starts[length] = text.length;
  return {
    text: stringOf(units.subarray(0, length)),
    startOf: (index) => starts[index] ?? text.length,
    endOf: (index) => ends[index] ?? text.length,
  };
};

const PERCENT = 0x25;

/** The printable ASCII character that `%40` and the like stand for, as in links. */
const percentEncoded = (text: string, at: number): number | undefined => {
  const value = hexDigit(text.charCodeAt(at + 1)) * 16 + hexDigit(text.charCodeAt(at + 2));
  return value >= 0x20 && value < 0x7f ? value : undefined;
};

const AMPERSAND = 0x26;
const REFERENCE = /&#(?:x([0-9a-f]{1,6})|([0-9]{1,7}));/iy;

/** What `&#64;` and the like fold to where that is ASCII or nothing, as in web pages. */
const referenceAt = (text: string, at: number): { unit: number; end: number } | undefined => {
  REFERENCE.lastIndex = at;
  const [whole = "", hex, decimal] = REFERENCE.exec(text) ?? [];
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  const unit = FOLDED_UNITS[code];
  if (unit === undefined || (unit !== DROPPED && (unit < 0x20 || unit > 0x7e))) return undefined;
  return { unit, end: at + whole.length };
};

/** What a UTF-16 unit is worth as a hexadecimal digit; NaN for any other. */
const hexDigit = (unit: number): number => {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  const letter = unit | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
};

const DROPPED = 0;
const KEEP_PAIR = -1;

// Joiners, marks of direction, variation selectors, fillers and tags: they show nothing. Accents,
// strokes and frames change no letter.
const INVISIBLE =
  /\p{Cf}|\p{Variation_Selector}|[\u0300-\u036f\u20d0-\u20ff]|\u115f|\u1160|\u17b4|\u17b5|\u3164|\uffa0/u;
const ACCENTED = /^[A-Za-z][\u0300-\u036f]+$/;
// ① and ² mark a list or a note beside a number as often as they are part of one.
const BESIDE = /\p{No}/u;
const DIGIT = /\p{Nd}/u;

/** What one code point becomes: a unit, DROPPED, or undefined for itself. */
const foldCodePoint = (codePoint: number): number | undefined => {
  const char = String.fromCodePoint(codePoint);
  if (INVISIBLE.test(char)) return DROPPED;
  if (codePoint === 0x2028 || codePoint === 0x2029 || codePoint === 0x85) return 0x0a;
  if (/\p{Zs}/u.test(char)) return 0x20;
  if (/[\p{Pd}\u2212\u00ad\u2043]/u.test(char)) return 0x2d;
  if (BESIDE.test(char)) return undefined;
  if (DIGIT.test(char)) return 0x30 + digitValue(codePoint);
  const compatible = char.normalize("NFKC");
  if (compatible !== char && /^[!-~]$/.test(compatible)) return compatible.charCodeAt(0);
  return ACCENTED.test(char.normalize("NFD")) ? char.normalize("NFD").charCodeAt(0) : undefined;
};

const digitValue = (codePoint: number): number => {
  const compatible = String.fromCodePoint(codePoint).normalize("NFKC");
  if (/^[0-9]$/.test(compatible)) return Number(compatible);
  // Blocks may follow one another without a gap, so the distance is counted in tens.
  let first = codePoint;
  while (DIGIT.test(String.fromCodePoint(first - 1))) first--;
  return (codePoint - first) % 10;
};

const FOLDED_UNITS = Uint16Array.from({ length: 0x1_0000 }, (_, unit) =>
  unit < 0x80 || (unit >= 0xd800 && unit < 0xe000) ? unit : (foldCodePoint(unit) ?? unit),
);
// A NUL would read as left out.
FOLDED_UNITS[0] = 0x01;

const foldAstral = (codePoint: number): number => {
  // Mathematical letters and digits, legacy digits, tags and variation selectors; scripts' digits.
  const folded =
    (codePoint >= 0x1_d400 && codePoint <= 0x1_d7ff) ||
    (codePoint >= 0x1_fbf0 && codePoint <= 0x1_fbf9) ||
    codePoint >= 0xe_0000 ||
    DIGIT.test(String.fromCodePoint(codePoint))
      ? foldCodePoint(codePoint)
      : undefined;
  return folded ?? KEEP_PAIR;
};

/** Whether folding may change a text: one look for each of its units. */
const needsFolding = (text: string): boolean => {
  const units = unitsOf(text);
  for (let i = 0; i < units.length; i++) {
    const unit = units[i] ?? 0;
    if (FOLDED_UNITS[unit] !== unit || (unit & 0xfc00) === 0xd800) return true;
    if (unit === PERCENT && percentEncoded(text, i) !== undefined) return true;
    if (unit === AMPERSAND && referenceAt(text, i)) return true;
  }
  return false;
};
