/**
 * `space` blanks only, `line` with a line break, `dash` hyphens, `mark` other punctuation, `filler`
 * words that only spell a separator out, `words` a few other words.
 */
export type Gap = "space" | "line" | "dash" | "mark" | "filler" | "words" | "break";

/** All digits of a folded text, and how they are grouped: each list is by group. */
export interface Digits {
  readonly all: string;
  /** Offsets in the folded text. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** Where a group's digits start in `all`. */
  readonly froms: Uint32Array;
  /** What the next group is apart by, for each group; `break` where no number goes on. */
  readonly gaps: readonly Gap[];
  /** The last group that a number which starts with this one may go on to. */
  readonly lasts: Int32Array;
  /** By offset in `all`: which group ends before it, -1 within a group. */
  readonly endings: Int32Array;
}

/** Digits further apart are two numbers. */
export const GAP_UNITS = 24;
const MARKS = "\\s\\-.,·•_/\\\\|*~()\\[\\]#:;'\"‧・、";
const LINE = /^[ \t]*(?:\r?\n|\r)[ \t]*$/;
const DASH = /^\s*-{1,3}\s*$/;
const MARK = new RegExp(`^[${MARKS}]$`);
const FILLER = new RegExp(
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
  const fillers = new Set([...FILLER.source].flatMap((char) => [char, char.toUpperCase()]));
  const kindOf = (char: string): number => {
    if (char === " " || char === "\t") return KINDS.blank;
    if (char === "\r" || char === "\n") return KINDS.break;
    if (char === "-") return KINDS.dash;
    if (MARK.test(char)) return KINDS.mark;
    return fillers.has(char) ? KINDS.filler : KINDS.other;
  };
  return Uint8Array.from({ length: 0x1_0000 }, (_, unit) => {
    const char = String.fromCharCode(unit);
    return SENTENCE.test(char) ? kindOf(char) | KINDS.sentence : kindOf(char);
  });
})();

/** Reads the groups of digits in a folded text, in order. */
export const readDigits = (text: string): Digits => {
  const all = Buffer.allocUnsafe(text.length);
  let length = 0;
  const count = countGroups(text);
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  const froms = new Uint32Array(count);
  const gaps: Gap[] = [];
  for (let start = nextDigit(text, 0); start < text.length; ) {
    const group = gaps.length;
    starts[group] = start;
    froms[group] = length;
    let end = start;
    for (let unit = text.charCodeAt(end); isDigit(unit); unit = text.charCodeAt(++end)) {
      all[length++] = unit;
    }
    const next = nextDigit(text, end);
    ends[group] = end;
    gaps.push(next === text.length ? "break" : gapBetween(text, end, next));
    start = next;
  }
  const lasts = new Int32Array(count);
  const endings = new Int32Array(length + 1).fill(-1);
  for (let i = count - 1, last = i; i >= 0; i--) {
    if (gaps[i] === "break") last = i;
    lasts[i] = last;
    endings[i + 1 < count ? (froms[i + 1] ?? length) : length] = i;
  }
  return { all: all.toString("latin1", 0, length), starts, ends, froms, gaps, lasts, endings };
};

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;

const countGroups = (text: string): number => {
  let count = 0;
  let isWithin = false;
  for (let at = 0; at < text.length; at++) {
    const isOwn = isDigit(text.charCodeAt(at));
    if (isOwn && !isWithin) count++;
    isWithin = isOwn;
  }
  return count;
};

const nextDigit = (text: string, from: number): number => {
  let at = from;
  while (at < text.length && !isDigit(text.charCodeAt(at))) at++;
  return at;
};

const gapBetween = (text: string, end: number, next: number): Gap => {
  if (next - end > GAP_UNITS) return "break";
  let kinds = 0;
  for (let at = end; at < next; at++) kinds |= KIND_OF[text.charCodeAt(at)] ?? KINDS.other;
  if (kinds === KINDS.blank) return "space";
  if ((kinds & ~ONLY_MARKS) === 0) {
    if ((kinds & KINDS.break) !== 0 && LINE.test(text.slice(end, next))) return "line";
    return (kinds & KINDS.dash) !== 0 && DASH.test(text.slice(end, next)) ? "dash" : "mark";
  }
  if ((kinds & KINDS.other) === 0 && FILLER.test(text.slice(end, next))) return "filler";
  // Letters that touch digits belong to a code such as `3f2a` or `v2`, not to a sentence.
  if (isLetter(text.charCodeAt(end)) || isLetter(text.charCodeAt(next - 1))) return "break";
  return (kinds & KINDS.sentence) !== 0 ? "break" : "words";
};

const UNDERSCORE = 0x5f;

const isLetter = (unit: number): boolean => {
  const small = unit | 0x20;
  return (small >= 0x61 && small <= 0x7a) || unit === UNDERSCORE;
};
