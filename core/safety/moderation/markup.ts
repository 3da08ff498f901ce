import { type FoldedText, fold } from "../fold.ts";
import { KIND, kinds } from "./kinds.ts";
import { isLatin } from "./leet.ts";
import { READS } from "./letter-row.ts";

const SPACE = 0x20;
const EXCLAMATION = 0x21;
const NUMBER_SIGN = 0x23;
const AMPERSAND = 0x26;
const SLASH = 0x2f;
const SEMICOLON = 0x3b;
const LESS = 0x3c;
const GREATER = 0x3e;

// What is longer is text, in units of the original: a stream waits so long for the end of it.
const MAX_TAG = 128;
const MAX_REFERENCE = 32;

/** A tag, a comment or a character reference of HTML. */
export interface Markup {
  /** Which part of `units`: `[start, end)`. */
  readonly start: number;
  readonly end: number;
  /** What is seen of it: READS.nothing, a space or a letter. */
  readonly reads: number;
}

/** The markup in a text, none within another, in order. */
export const markupIn = (folded: FoldedText): readonly Markup[] => {
  const { text, units, starts, ends } = folded;
  const found: Markup[] = [];
  const codes: number[] = [];
  let [tag, reference] = [units.indexOf(LESS), units.indexOf(AMPERSAND)];
  while (tag >= 0 || reference >= 0) {
    const isTag = reference < 0 || (tag >= 0 && tag < reference);
    const start = isTag ? tag : reference;
    const end = isTag ? endOfTag(folded, start) : endOfReference(folded, start);
    let next = start + 1;
    if (end > 0) {
      const markup = text.slice(starts[start], ends[end - 1]);
      const code = isTag ? codeOfTag(markup) : codeOfReference(markup);
      if (code !== NONE) {
        codes.push(code);
        found.push({ start, end, reads: READS.nothing });
        next = end;
      }
    }
    if (tag >= 0 && tag < next) tag = units.indexOf(LESS, next);
    if (reference >= 0 && reference < next) reference = units.indexOf(AMPERSAND, next);
  }
  if (codes.every((code) => code === 0)) return found;
  const letters = lettersOfCodes(codes);
  return found.map((markup, at) => ({ ...markup, reads: letters[at] ?? READS.nothing }));
};

/** From which index of `units` on it takes more of the text to tell whether markup stands there. */
export const undecidedMarkup = (folded: FoldedText): number => {
  const { text, units, starts } = folded;
  let open = units.length;
  for (let at = open - 1; at >= 0 && text.length - (starts[at] ?? 0) <= MAX_TAG; at -= 1) {
    const unit = units[at];
    if (unit === AMPERSAND && endOfReference(folded, at) === OPEN) open = at;
    if (unit === LESS && endOfTag(folded, at) === OPEN) open = at;
    if (unit === LESS || unit === GREATER) break;
  }
  return open;
};

const NONE = -1;
const OPEN = -2;
const LAST_CODE = 0x10ffff;

const endOfTag = ({ units, starts }: FoldedText, at: number): number => {
  for (let next = at + 1; next < units.length; next += 1) {
    const unit = units[next] ?? 0;
    const isStart = next === at + 1;
    if (isStart && !isLatin(unit) && unit !== SLASH && unit !== EXCLAMATION) return NONE;
    if (unit === LESS || (starts[next] ?? 0) - (starts[at] ?? 0) > MAX_TAG) return NONE;
    if (unit === GREATER) return next + 1;
  }
  return OPEN;
};

const endOfReference = ({ units, starts }: FoldedText, at: number): number => {
  for (let next = at + 1; next < units.length; next += 1) {
    const unit = units[next] ?? 0;
    if ((starts[next] ?? 0) - (starts[at] ?? 0) > MAX_REFERENCE) return NONE;
    if (unit === SEMICOLON) return next + 1;
    if (!isLatin(unit) && unit !== NUMBER_SIGN && !(unit >= 0x30 && unit <= 0x39)) return NONE;
  }
  return OPEN;
};

// What stands in a line or a cell of its own.
const BLOCK = /^<\/?(?:blockquote|br|div|h[1-6]|hr|li|ol|p|pre|table|td|th|tr|ul)\b/i;
const codeOfTag = (tag: string): number => (BLOCK.test(tag) ? SPACE : 0);

const BY_NUMBER = /^&#(?:x([0-9a-f]{1,6})|([0-9]{1,7}));$/i;
const ACCENTED = /^&([a-z])(?:acute|caron|cedil|circ|grave|ring|slash|tilde|uml);$/i;
const BLANK = /^&(?:emsp|ensp|nbsp|newline|tab|thinsp);$/i;
const SKIPPED = /^&(?:amp|apos|gt|lrm|lt|nobreak|quot|rlm|shy|zerowidthspace|zwj|zwnj);$/i;

/** The character that a reference stands for, 0 for none that is seen between letters. */
const codeOfReference = (reference: string): number => {
  const [, hex, decimal] = BY_NUMBER.exec(reference) ?? [];
  const digits = hex ?? decimal;
  if (digits !== undefined) {
    const code = Number.parseInt(digits, hex === undefined ? 10 : 16);
    return code <= LAST_CODE ? code : 0;
  }
  const letter = ACCENTED.exec(reference)?.[1];
  if (letter !== undefined) return letter.charCodeAt(0);
  if (BLANK.test(reference)) return SPACE;
  return SKIPPED.test(reference) ? 0 : NONE;
};

/** By character: the letter that it folds to, a space, or READS.nothing. All are folded at once. */
const lettersOfCodes = (codes: readonly number[]): readonly number[] => {
  const chars = codes.map((code) => String.fromCodePoint(code));
  const { units, starts } = fold(chars.join(""));
  let [start, at] = [0, 0];
  return chars.map((char) => {
    const first = at;
    start += char.length;
    while (at < units.length && (starts[at] ?? 0) < start) at += 1;
    // Of an expansion nothing is read, as of a sign.
    return at === first + 1 ? letterOf(units[first] ?? 0) : READS.nothing;
  });
};

const letterOf = (unit: number): number => {
  const kind = kinds()[unit];
  if (kind === KIND.space || kind === KIND.lineBreak) return SPACE;
  return kind === KIND.word || kind === KIND.letter ? unit : READS.nothing;
};
