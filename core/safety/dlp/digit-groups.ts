import { scratch } from "../scratch.ts";

// None of these is exported: V8 of Node 20 looks an exported constant up at every use.
const SPACE = 1;
const LINE = 2;
const DASH = 4;
const MARK = 8;
const FILLER = 16;
const WORDS = 32;
const BREAK = 64;

/**
 * What groups are apart by, a bit for each: `space` blanks only, `line` with a line break, `dash`
 * hyphens, `mark` other punctuation, `words` a few words other than such as spell a separator out.
 */
export const GAP = { space: SPACE, line: LINE, dash: DASH, mark: MARK, words: WORDS } as const;

/** All digits of a folded text, and how they are grouped: each list is by digit. */
export interface Digits {
  readonly count: number;
  /** From 0 to 9. */
  readonly values: Uint8Array;
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
  const count = countDigits(text);
  const values = scratch.uint8(count);
  const offsets = scratch.uint32(count);
  const gaps = scratch.uint8(count);
  let end = -1;
  let digit = 0;
  for (let at = 0; digit < count; at++) {
    const unit = text.charCodeAt(at);
    if (!isDigit(unit)) continue;
    if (at !== end && digit > 0) gaps[digit - 1] = gapBetween(text, end, at);
    values[digit] = unit - ZERO;
    offsets[digit] = at;
    digit++;
    end = at + 1;
  }
  if (count > 0) gaps[count - 1] = BREAK;
  return { count, values, offsets, gaps, ends: endsOf(gaps) };
};

const endsOf = (gaps: Uint8Array): Uint32Array => {
  const all = scratch.uint32(gaps.length);
  let ends = 0;
  for (let digit = gaps.length - 1; digit >= 0; digit--) {
    const gap = gaps[digit] ?? BREAK;
    if (gap === BREAK) ends = 0;
    ends = ((ends << 1) & ENDS) | (gap === 0 ? 0 : 2);
    all[digit] = ends;
  }
  return all;
};

/** The number that so many digits from one on make. */
export const numberOf = (values: Uint8Array, from: number, count: number): number => {
  let number = 0;
  for (let at = from; at < from + count; at++) number = number * 10 + (values[at] ?? 0);
  return number;
};

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

const ZERO = 0x30;

const isDigit = (unit: number): boolean => unit >= ZERO && unit <= 0x39;

const countDigits = (text: string): number => {
  let count = 0;
  for (let at = 0; at < text.length; at++) if (isDigit(text.charCodeAt(at))) count++;
  return count;
};

const gapBetween = (text: string, end: number, next: number): number => {
  if (next - end === 1) return ALONE[text.charCodeAt(end)] ?? BREAK;
  return next - end > GAP_UNITS ? BREAK : gapOf(text, end, next);
};

const gapOf = (text: string, end: number, next: number): number => {
  let kinds = 0;
  for (let at = end; at < next; at++) kinds |= KIND_OF[text.charCodeAt(at)] ?? KINDS.other;
  if (kinds === KINDS.blank) return SPACE;
  if ((kinds & ~ONLY_MARKS) === 0) {
    if ((kinds & KINDS.break) !== 0 && LINE_FORM.test(text.slice(end, next))) return LINE;
    return (kinds & KINDS.dash) !== 0 && DASH_FORM.test(text.slice(end, next)) ? DASH : MARK;
  }
  if ((kinds & KINDS.other) === 0 && FILLER_FORM.test(text.slice(end, next))) return FILLER;
  // Letters that touch digits belong to a code such as `3f2a` or `v2`, not to a sentence.
  if (isLetter(text.charCodeAt(end)) || isLetter(text.charCodeAt(next - 1))) return BREAK;
  return (kinds & KINDS.sentence) !== 0 ? BREAK : WORDS;
};

const UNDERSCORE = 0x5f;

const isLetter = (unit: number): boolean => {
  const small = unit | 0x20;
  return (small >= 0x61 && small <= 0x7a) || unit === UNDERSCORE;
};

/** By UTF-16 unit: the gap that it makes alone, as most do where digits stand close. */
const ALONE = Uint8Array.from({ length: 0x1_0000 }, (_, unit) =>
  gapOf(String.fromCharCode(unit), 0, 1),
);
