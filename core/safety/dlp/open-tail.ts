import { GAP_UNITS } from "./digit-groups.ts";
import { readLookAlikes } from "./look-alikes.ts";
import { openNumerals, readNumerals } from "./numerals.ts";
import { PRIVATE_KEY_END, PRIVATE_KEY_START, TORN_HINT } from "./secret-formats.ts";

// A key torn into single characters has at most 40 of them, an address spelled out fewer words.
const WINDOW_WORDS = 60;
const HELD_WORDS = 3;
const LETTERS_BEFORE_DIGITS = 10;
const WORD_CHARACTER = /[!-~\u0370-\u04ff艾特小老鼠點点。｡【】「」]/;
const SPELLED = /@|\bat\b|\bdot\b|艾特?$|艾特|小老鼠?$|小老鼠|----- ?BEGIN/i;
const SENTENCE_MARK = /[。!?]/;

/**
 * Tells of offsets in a folded text up to which index no detector can find more, nor change what it
 * found, whatever follows them. The text is read once for all of them: there may be thousands, none
 * behind the one before.
 */
export const createOpenTail = (folded: string): ((end: number) => number) => {
  const text = readLookAlikes(folded);
  const read = readNumerals(text) ?? text;
  const openPrivateKey = createOpenPrivateKey(text);
  return (end) => {
    const last = withoutHalf(text, end);
    return withoutHalf(
      text,
      Math.min(
        openPrivateKey(last),
        openDigits(read, last, openNumerals(text, last)),
        openWords(text, last),
      ),
    );
  };
};

/** Half a character outside the BMP waits for its other half: it may be a letter or a digit. */
const withoutHalf = (text: string, end: number): number =>
  (text.charCodeAt(end - 1) & 0xfc00) === 0xd800 ? end - 1 : end;

/** Where the private key starts that may go on behind an end; no end lies behind the one before. */
const createOpenPrivateKey = (text: string): ((end: number) => number) => {
  const starts = [...text.matchAll(PRIVATE_KEY_START)];
  const ends = [...text.matchAll(PRIVATE_KEY_END)];
  return (end) => {
    const isWithin = (match: RegExpMatchArray | undefined): boolean =>
      match !== undefined && offsetOf(match) + match[0].length <= end;
    while (starts.length > 0 && !isWithin(starts.at(-1))) starts.pop();
    while (ends.length > 0 && !isWithin(ends.at(-1))) ends.pop();
    const [start, last] = [starts.at(-1), ends.at(-1)];
    if (!start || (last && offsetOf(last) >= offsetOf(start))) return end;
    return offsetOf(start);
  };
};

const offsetOf = ({ index = 0 }: RegExpMatchArray): number => index;

/** The start of the number that may go on: digits lie at most so far apart. `from` on all are open. */
const openDigits = (text: string, end: number, from: number): number => {
  let start = from;
  for (;;) {
    let at = start - 1;
    const limit = Math.max(0, start - GAP_UNITS - 1);
    while (at >= limit && !isDigit(text.charCodeAt(at)) && !SENTENCE_MARK.test(text[at] ?? ""))
      at--;
    if (at < limit || !isDigit(text.charCodeAt(at))) break;
    while (at > 0 && isDigit(text.charCodeAt(at - 1))) at--;
    start = at;
  }
  if (start === end) return end;
  // A letter, a country or a plus sign may belong to the number.
  const before = /[A-Za-z+()\s\-.,·_/|*:、]*$/.exec(
    text.slice(Math.max(0, start - LETTERS_BEFORE_DIGITS), start),
  );
  return start - (before?.[0].length ?? 0);
};

const openWords = (text: string, end: number): number => {
  let at = end;
  let words = 0;
  let held = end;
  let isInWord = false;
  for (; at > 0 && words < WINDOW_WORDS; at--) {
    const char = text[at - 1] ?? "";
    const isWord = WORD_CHARACTER.test(char);
    if (!isWord && !/\s/.test(char)) break;
    if (isInWord && !isWord) {
      words++;
      if (words <= HELD_WORDS) held = at;
    }
    isInWord = isWord;
  }
  if (words < HELD_WORDS) held = Math.min(held, at);
  const window = text.slice(at, end);
  const hints = [window.search(SPELLED), window.search(TORN_HINT)].filter((hint) => hint >= 0);
  if (hints.length === 0) return held;
  const before = text.slice(at, at + Math.min(...hints));
  const opened = /(?:[^\s]+\s+)?[^\s]*$/.exec(before)?.index ?? 0;
  return Math.min(held, at + opened);
};

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;
