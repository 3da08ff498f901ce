/** What a cut would part, best first; `unspaced` may part words of a script that writes no spaces. */
export type CutRank = "paragraph" | "line" | "sentence" | "word" | "unspaced";

/** What a cut before `index` (inside the text) would part; undefined in the middle of a word. */
export const rankCut = (text: string, index: number): CutRank | undefined => {
  const before = text.charAt(index - 1);
  const after = text.charAt(index);
  if (before === "\n" && after !== "\n")
    return isBlankLineBefore(text, index) ? "paragraph" : "line";
  if (SPACE.test(before)) return isSentenceBefore(text, index) ? "sentence" : "word";
  if (CLINGS_LEFT.test(after) || CLINGS_RIGHT.test(before)) return undefined;
  if (CJK_SENTENCE_END.test(text.slice(Math.max(0, index - 2), index))) return "sentence";
  return UNSPACED.test(characterBefore(text, index)) || UNSPACED.test(characterAt(text, index))
    ? "unspaced"
    : undefined;
};

// All white space but the kinds that forbid a break.
const SPACE = /[\t\n\v\f\r \u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]/;
const CLINGS_LEFT = /[\p{Pe}\p{Pf}\p{Po}\p{Lm}\s]/u;
const CLINGS_RIGHT = /[\p{Ps}\p{Pi}]/u;
const SENTENCE_END = /[.!?…。！？；]["'”’)\]）」』*_]*$/u;
const CJK_SENTENCE_END = /[。！？；][”’）」』]?$/u;
const UNSPACED =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\u3000-\u303f\uff00-\uffef]/u;

const isBlankLineBefore = (text: string, index: number): boolean => {
  let at = index - 2;
  while (/[ \t\r]/.test(text.charAt(at))) at -= 1;
  return text.charAt(at) === "\n";
};

const isSentenceBefore = (text: string, index: number): boolean =>
  !SPACE.test(text.charAt(index)) &&
  SENTENCE_END.test(text.slice(Math.max(0, index - 8), index).trimEnd());

const characterAt = (text: string, index: number): string =>
  String.fromCodePoint(text.codePointAt(index) ?? 0);

const characterBefore = (text: string, index: number): string =>
  /[\udc00-\udfff]/.test(text.charAt(index - 1))
    ? characterAt(text, index - 2)
    : text.charAt(index - 1);
