/**
 * `space` blanks only, `line` with a line break, `dash` hyphens, `mark` other punctuation, `filler`
 * words that only spell a separator out, `words` a few other words.
 */
export type Gap = "space" | "line" | "dash" | "mark" | "filler" | "words" | "break";

/** All digits of a folded text, and how they are grouped: the same index in each list. */
export interface Digits {
  readonly all: string;
  /** Offsets in the folded text. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** Where a group's digits start in `all`. */
  readonly froms: readonly number[];
  /** What the next group is apart by; `break` where no number goes on. */
  readonly gaps: readonly Gap[];
}

/** Digits further apart are two numbers. */
export const GAP_UNITS = 24;
const MARKS = "\\s\\-.,·•_/\\\\|*~()\\[\\]#:;'\"‧・、";
const SPACE = /^[ \t]+$/;
const LINE = /^[ \t]*(?:\r?\n|\r)[ \t]*$/;
const DASH = /^\s*-{1,3}\s*$/;
const MARK = new RegExp(`^[${MARKS}]+$`);
const FILLER = new RegExp(
  `^(?:[${MARKS}]|dash|hyphen|minus|space|blank|dot|then|and|next|plus|followed by|空格|空白|[橫横]線?|[横]线|[杠槓]|破折[號号]|連字[號号]|连字[符号]|[點点]|[然之]?[後后]|再|接著|接着|[和跟與与及]|再來|再来|逗[號号]|是)+$`,
  "i",
);
const SENTENCE = /[。！？!?\n]/;
const LETTER = /[A-Za-z_]/;

/** Reads the groups of digits in a folded text, in order. */
export const readDigits = (text: string): Digits => {
  const all = Buffer.allocUnsafe(text.length);
  let length = 0;
  const starts: number[] = [];
  const ends: number[] = [];
  const froms: number[] = [];
  const gaps: Gap[] = [];
  for (let start = nextDigit(text, 0); start < text.length; ) {
    starts.push(start);
    froms.push(length);
    let end = start;
    for (let unit = text.charCodeAt(end); isDigit(unit); unit = text.charCodeAt(++end)) {
      all[length++] = unit;
    }
    const next = nextDigit(text, end);
    ends.push(end);
    gaps.push(next === text.length ? "break" : gapBetween(text, end, next));
    start = next;
  }
  return { all: all.toString("latin1", 0, length), starts, ends, froms, gaps };
};

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;

const nextDigit = (text: string, from: number): number => {
  let at = from;
  while (at < text.length && !isDigit(text.charCodeAt(at))) at++;
  return at;
};

const gapBetween = (text: string, end: number, next: number): Gap => {
  if (next - end > GAP_UNITS) return "break";
  const gap = text.slice(end, next);
  if (gap === " ") return "space";
  if (gap === "-") return "dash";
  if (gap === "\n") return "line";
  if (SPACE.test(gap)) return "space";
  if (LINE.test(gap)) return "line";
  if (DASH.test(gap)) return "dash";
  if (MARK.test(gap)) return "mark";
  // Letters that touch digits belong to a code such as `3f2a` or `v2`, not to a sentence.
  if (FILLER.test(gap)) return "filler";
  if (LETTER.test(gap[0] ?? "") || LETTER.test(gap.at(-1) ?? "")) return "break";
  return SENTENCE.test(gap) ? "break" : "words";
};
