/** What a folded character is to the search for terms. */
export const KIND = {
  /** Between the letters of a term it is skipped: punctuation, symbols, emoji. */
  separator: 0,
  /** A letter or digit of a script that puts spaces between words. */
  word: 1,
  /** A letter of a script that does not, or not around every word: Han, kana, Hangul, Thai … */
  letter: 2,
  space: 3,
  lineBreak: 4,
  /** Ends a sentence wherever it stands. */
  mark: 5,
  /** Ends a sentence when a space follows. */
  dot: 6,
  /** Read as a letter inside a Latin word: c@t, ca$h. */
  symbol: 7,
  /** Of no character by itself: a sign that is a letter only for who reads through disguises. */
  sign: 8,
} as const;

const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Yi}\p{Script=Tibetan}\p{M}ー々]/u;

const kindOfChar = (code: number): number => {
  const char = String.fromCodePoint(code);
  if (char === " ") return KIND.space;
  if (char === "\n") return KIND.lineBreak;
  if (char === ".") return KIND.dot;
  if (char === "@" || char === "$") return KIND.symbol;
  if (/[。!?‼⁇⁈⁉؟।]/u.test(char)) return KIND.mark;
  if (!/[\p{L}\p{N}\p{M}]/u.test(char)) return KIND.separator;
  return UNSPACED.test(char) ? KIND.letter : KIND.word;
};

let shared: Uint8Array | undefined;

/** By code point below U+20000; what lies above is a letter below U+E0000. Surrogates separate. */
export const kinds = (): Uint8Array => {
  if (shared) return shared;
  const table = new Uint8Array(0x20000);
  for (let code = 0; code < table.length; code += 1) {
    // The two large blocks need no look: Han and Hangul.
    const isKnown = (code >= 0x4e00 && code < 0xa000) || (code >= 0xac00 && code < 0xd7a4);
    const isSurrogate = code >= 0xd800 && code < 0xe000;
    table[code] = isKnown ? KIND.letter : isSurrogate ? KIND.separator : kindOfChar(code);
  }
  shared = table;
  return table;
};
