import { confusables } from "./fold-confusables.ts";
import { hanVariants } from "./fold-han.ts";

/** In `FoldTable.units`: the character is dropped. */
export const DROPPED = 0;

/** In `FoldTable.units`: look into `FoldTable.strings`, and where it is absent keep the character. */
const SPECIAL = 0xffff;

/** What each character folds to. */
export interface FoldTable {
  /** By code point below U+20000: the folded UTF-16 unit, DROPPED or SPECIAL. */
  readonly units: Uint16Array;
  /** By code point: what does not fit into one unit. */
  readonly strings: ReadonlyMap<number, string>;
}

const MAX_EXPANSION = 4;
const PLANES_END = 0x20000;
const MARK = /\p{Mn}|\p{Me}/u;
const IGNORABLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]/u;
// CR is a space, so that CR LF is one line break.
const SPACE = /[\p{Zs}\t\r\u2800]/u;
const LINE_BREAK = /[\n\v\f\u0085\u2028\u2029]/u;
const DIGIT = /\p{Nd}/u;
// Marks that belong to the letter below them in scripts that cannot be read without them stay.
const ACCENT = /[\p{Script=Inherited}\p{Script=Cyrillic}\p{Script=Greek}]/u;
const KANA_VOICE = /[\u3099\u309a]/u;
// All that folding may change, beside look-alikes and Han: found with one test each, because a full
// look at every character takes ten times as long.
const FOLDABLE =
  /[\p{CWKCF}\p{Cf}\p{Cc}\p{Mn}\p{Me}\p{Z}\p{Nd}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\u2800]/u;

/** True for an accent that folding takes away and that is drawn onto the character before it. */
export const isAccent = (code: number): boolean => {
  const char = String.fromCodePoint(code);
  return MARK.test(char) && ACCENT.test(char) && !KANA_VOICE.test(char);
};

/** Builds the table: tens of milliseconds, so it is done once. */
export const createFoldTable = (): FoldTable => {
  const units = new Uint16Array(PLANES_END);
  const strings = new Map<number, string>();
  const alikes = confusables();
  const variants = hanVariants();

  const foldOnce = (char: string): string => {
    let out = "";
    for (const part of char.normalize("NFKD")) {
      const code = part.codePointAt(0) ?? 0;
      if (MARK.test(part) && isAccent(code)) continue;
      if (DIGIT.test(part)) out += digitOf(code);
      else out += alikes.get(part) ?? part;
    }
    out = out.normalize("NFC");
    let folded = "";
    for (const part of out.toLowerCase()) folded += variants.get(part) ?? part;
    return folded;
  };

  // The small form of a capital may be a look-alike in turn: Ƙ, ƙ, k.
  const foldChar = (char: string): string => {
    let before = char;
    let after = foldOnce(before);
    while (after !== before) {
      before = after;
      after = [...before].map(foldOnce).join("");
    }
    return after;
  };

  const put = (code: number): void => {
    const char = String.fromCodePoint(code);
    let folded: string;
    if (LINE_BREAK.test(char)) folded = "\n";
    else if (SPACE.test(char)) folded = " ";
    else if (IGNORABLE.test(char) || isAccent(code)) folded = "";
    else folded = enclosed(code) ?? foldChar(char);
    folded = folded.toLowerCase();
    // Whole phrases in one character (ﷺ) hide no term, and a page of them would grow eighteenfold.
    if (folded.length > MAX_EXPANSION) folded = char;
    if (folded === "") set(code, DROPPED);
    else if (folded.length === 1) set(code, folded.charCodeAt(0));
    else {
      set(code, SPECIAL);
      if (folded !== char) strings.set(code, folded);
    }
  };
  const set = (code: number, unit: number): void => {
    if (code < PLANES_END) units[code] = unit;
    else if (unit === DROPPED) strings.set(code, "");
    else if (unit !== SPECIAL) strings.set(code, String.fromCharCode(unit));
  };

  for (let code = 0; code < PLANES_END; code += 1) {
    if (!isPlain(code) && FOLDABLE.test(String.fromCodePoint(code))) put(code);
    else units[code] = code < 0x10000 ? code : SPECIAL;
  }
  for (let code = 0xd800; code < 0xe000; code += 1) units[code] = SPECIAL;
  for (const char of [...alikes.keys(), ...variants.keys()]) put(char.codePointAt(0) ?? 0);
  for (const [first, last] of ENCLOSED) {
    for (let code = first; code <= last; code += 1) put(code);
  }
  for (let code = 0x2f800; code < 0x2fa20; code += 1) put(code);
  for (let code = 0xe0000; code < 0xe1000; code += 1) put(code);
  return { units, strings };
};

// Han, Hangul, private use, ancient scripts: most of the table, and nothing to fold but variants.
const isPlain = (code: number): boolean =>
  (code >= 0x3400 && code < 0xa000) ||
  (code >= 0xac00 && code < 0xf900) ||
  (code >= 0x12000 && code < 0x1bc00);

/** The value of a decimal digit of any script; the ten of a script stand together, zero first. */
const digitOf = (code: number): string => {
  // The mathematical digits are five sets in a row that do not start at a multiple of ten.
  let zero = code;
  while (zero > code - 9 && zero > 0 && DIGIT.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((code - zero) % 10);
};

// White-on-black letters and digits, which normalization leaves alone.
const ENCLOSED: readonly (readonly [first: number, last: number, value: string | number])[] = [
  [0x1f150, 0x1f169, "A"],
  [0x1f170, 0x1f189, "A"],
  [0x1f1e6, 0x1f1ff, "A"],
  [0x2776, 0x277f, 1],
  [0x2780, 0x2789, 1],
  [0x278a, 0x2793, 1],
  [0x24eb, 0x24f4, 11],
  [0x24ff, 0x24ff, 0],
];

const enclosed = (code: number): string | undefined => {
  const range = ENCLOSED.find(([first, last]) => code >= first && code <= last);
  if (!range) return undefined;
  const [first, , value] = range;
  if (typeof value === "number") return String(value + code - first);
  return String.fromCharCode(value.charCodeAt(0) + code - first);
};
