import { scratch } from "../scratch.ts";
import { unitsOf } from "../units.ts";

type Units = Uint16Array;

// None of these is exported: V8 of Node 20 looks an exported constant up at every use.
const SPACE = 1;
const LINE = 2;
const DASH = 4;
const MARK = 8;
const FILLER = 16;
const WORDS = 32;
const BREAK = 64;

const ZERO = 0x30;
const NINE = 0x39;

/**
 * What groups are apart by, a bit for each: `space` blanks only, `line` with a line break, `dash`
 * hyphens, `mark` other punctuation, `filler` words that spell a separator out, `words` a few others.
 */
export const GAP = {
  space: SPACE,
  line: LINE,
  dash: DASH,
  mark: MARK,
  filler: FILLER,
  words: WORDS,
} as const;

/** All digits of a folded text, and how they are grouped: each list is by digit. */
export interface Digits {
  readonly count: number;
  /** From 0 to 9. */
  readonly values: Uint8Array;
  /** The number of two digits that starts with the digit. */
  readonly pairs: Uint8Array;
  /** Offsets in the folded text. */
  readonly offsets: Uint32Array;
  /** What the next one is apart by: a GAP, or 0 within a group. */
  readonly gaps: Uint8Array;
  /**
   * How a number that starts with the digit may be grouped: bit `n` where a group ends behind `n` digits,
   * `MOST_DIGITS` at most and none behind a break.
   */
  readonly ends: Uint32Array;
}

/** No number has more. */
export const MOST_DIGITS = 19;
const ENDS = (2 << MOST_DIGITS) - 1;

/** Digits further apart are two numbers. */
export const GAP_UNITS = 24;
const MARKS = "\\s\\-.,·•_/\\\\|*~()\\[\\]#:;'\"‧・、";
const LINE_FORM = /^[ \t]*(?:\r?\n|\r)[ \t]*$/;
const DASH_FORM = /^\s*-{1,3}\s*$/;
const MARK_FORM = new RegExp(`^[${MARKS}]$`);
const FILLER_FORM = new RegExp(
  `^(?:[${MARKS}]|dash|hyphen|minus|space|blank|dot|then|and|next|plus|followed by|空格|空白|[橫横]線?|[横]线|[杠槓]|破折[號号]|連字[號号]|连字[符号]|[點点]|[然之]?[後后]|再|接著|接着|[和跟與与及]|再來|再来|逗[號号]|是)+$`,
  "i",
);
const SENTENCE = /[。！？!?\n]/;

// What a gap is made of, a bit for each kind of character; `sentence` beside another one.
const KINDS = {
  blank: 1,
  break: 2,
  dash: 4,
  mark: 8,
  filler: 16,
  other: 32,
  sentence: 64,
} as const;
const ONLY_MARKS = KINDS.blank | KINDS.break | KINDS.dash | KINDS.mark | KINDS.sentence;

/** By UTF-16 unit: its bits. Most gaps are told by these alone. */
const KIND_OF = (() => {
  const fillers = new Set([...FILLER_FORM.source].flatMap((char) => [char, char.toUpperCase()]));
  const kindOf = (char: string): number => {
    if (char === " " || char === "\t") return KINDS.blank;
    if (char === "\r" || char === "\n") return KINDS.break;
    if (char === "-") return KINDS.dash;
    if (MARK_FORM.test(char)) return KINDS.mark;
    return fillers.has(char) ? KINDS.filler : KINDS.other;
  };
  return Uint8Array.from({ length: 0x1_0000 }, (_, unit) => {
    const char = String.fromCharCode(unit);
    return SENTENCE.test(char) ? kindOf(char) | KINDS.sentence : kindOf(char);
  });
})();

/** Reads the groups of digits in a folded text, in order; they lie in the scratch memory, where that is in use. */
export const readDigits = (text: string): Digits => {
  const units = unitsOf(text);
  const offsets = offsetsOfDigits(units);
  const count = offsets.length;
  const digits = {
    count,
    values: scratch.uint8(count),
    pairs: scratch.uint8(count),
    offsets,
    gaps: scratch.uint8(count),
    ends: scratch.uint32(count),
  };
  findGaps(digits, units, text);
  joinDigits(digits, units);
  return digits;
};

/** Without a branch, which would be guessed wrong wherever digits and other units take turns. */
const offsetsOfDigits = (units: Units): Uint32Array => {
  const offsets = scratch.uint32(units.length);
  let count = 0;
  for (let at = 0; at < units.length; at++) {
    const unit = units[at] ?? 0;
    // Of what is no digit the next one takes the place: below or above, one of the two is less than nought.
    offsets[count] = at;
    count += 1 + (((unit - ZERO) | (NINE - unit)) >> 31);
  }
  return offsets.subarray(0, count);
};

const findGaps = ({ count, offsets, gaps }: Digits, units: Units, text: string): void => {
  if (count > 0) gaps[count - 1] = BREAK;
  for (let digit = 1; digit < count; digit++) {
    const end = (offsets[digit - 1] ?? 0) + 1;
    const next = offsets[digit] ?? 0;
    if (next !== end) gaps[digit - 1] = gapBetween(units, end, next, text);
  }
};

/** What each digit is, and makes with those behind it. */
const joinDigits = ({ count, offsets, values, pairs, gaps, ends }: Digits, units: Units): void => {
  let next = 0;
  let rest = 0;
  for (let digit = count - 1; digit >= 0; digit--) {
    const value = (units[offsets[digit] ?? 0] ?? 0) - ZERO;
    values[digit] = value;
    pairs[digit] = value * 10 + next;
    next = value;
    const gap = gaps[digit] ?? BREAK;
    if (gap === BREAK) rest = 0;
    rest = ((rest << 1) & ENDS) | (gap === 0 ? 0 : 2);
    ends[digit] = rest;
  }
};

/** The number that four digits from one on make. */
export const fourFrom = ({ pairs }: Digits, from: number): number =>
  (pairs[from] ?? 0) * 100 + (pairs[from + 2] ?? 0);

/** Where the group after that of a digit begins. */
export const nextGroup = ({ gaps }: Digits, from: number): number => {
  let at = from;
  while (gaps[at] === 0) at++;
  return at + 1;
};

/** What the groups of so many digits are apart by: the bits of all their gaps. */
export const gapsWithin = ({ gaps }: Digits, from: number, length: number): number => {
  let all = 0;
  for (let at = from + length - 2; at >= from; at--) all |= gaps[at] ?? 0;
  return all;
};

/** Which groups of so many digits end with a line: bits as in `ends`. */
export const linesWithin = ({ gaps }: Digits, from: number, length: number): number => {
  let lines = 0;
  for (let n = 1; n < length; n++) if (gaps[from + n - 1] === LINE) lines |= 1 << n;
  return lines;
};

const gapBetween = (units: Units, end: number, next: number, text: string): number => {
  if (next - end === 1) return ALONE[units[end] ?? 0] ?? BREAK;
  return next - end > GAP_UNITS ? BREAK : gapOf(units, end, next, text);
};

const gapOf = (units: Units, end: number, next: number, text: string): number => {
  let kinds = 0;
  for (let at = end; at < next; at++) kinds |= KIND_OF[units[at] ?? 0] ?? KINDS.other;
  if (kinds === KINDS.blank) return SPACE;
  if ((kinds & ~ONLY_MARKS) === 0) {
    if ((kinds & KINDS.break) !== 0 && LINE_FORM.test(text.slice(end, next))) return LINE;
    return (kinds & KINDS.dash) !== 0 && DASH_FORM.test(text.slice(end, next)) ? DASH : MARK;
  }
  if ((kinds & KINDS.other) === 0 && FILLER_FORM.test(text.slice(end, next))) return FILLER;
  // Letters that touch digits belong to a code such as `3f2a` or `v2`, not to a sentence.
  if (isLetter(units[end] ?? 0) || isLetter(units[next - 1] ?? 0)) return BREAK;
  return (kinds & KINDS.sentence) !== 0 ? BREAK : WORDS;
};

const UNDERSCORE = 0x5f;

const isLetter = (unit: number): boolean => {
  const small = unit | 0x20;
  return (small >= 0x61 && small <= 0x7a) || unit === UNDERSCORE;
};

/** By UTF-16 unit: the gap that it makes alone, as most do where digits stand close. */
const ALONE = (() => {
  const gaps = new Uint8Array(0x1_0000);
  const only = new Uint16Array(1);
  for (let unit = 0; unit < gaps.length; unit++) {
    only[0] = unit;
    gaps[unit] = gapOf(only, 0, 1, String.fromCharCode(unit));
  }
  return gaps;
})();
