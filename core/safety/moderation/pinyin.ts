import { pinyin } from "pinyin-pro";
import { fold, foldedString } from "../fold.ts";

/** A term in Latin letters without tones: `dupin`, with 1 where a syllable starts: 1,0,1,0,0. */
export interface Spelling {
  readonly letters: string;
  readonly syllableStarts: Uint8Array;
}

const HAN = /^\p{Script=Han}+$/u;
const MIN_SYLLABLES = 2;
const MAX_SYLLABLES = 12;

/**
 * The ways in which a Han term is typed as pinyin; ü as u and as v. None for a single character,
 * whose syllable would be any of a hundred words, and for what is not all Han.
 */
export const pinyinSpellings = (term: string): readonly Spelling[] => {
  const han = foldedString(fold(term)).replace(/[^\p{L}\p{N}]/gu, "");
  const count = [...han].length;
  if (!HAN.test(han) || count < MIN_SYLLABLES || count > MAX_SYLLABLES) return [];
  const syllables = syllablesOf(han);
  // A character without a known reading comes back as itself.
  if (!syllables.every((syllable) => /^[a-zü]+$/.test(syllable))) return [];
  const plain = spell(syllables, "u");
  return syllables.some((s) => s.includes("ü")) ? [plain, spell(syllables, "v")] : [plain];
};

const spell = (syllables: readonly string[], umlaut: string): Spelling => {
  const typed = syllables.map((syllable) => syllable.replaceAll("ü", umlaut));
  const letters = typed.join("");
  const syllableStarts = new Uint8Array(letters.length);
  let at = 0;
  for (const syllable of typed) {
    syllableStarts[at] = 1;
    at += syllable.length;
  }
  return { letters, syllableStarts };
};

const onlyReadings = new Map<string, string>();

/** The only reading of a character, "" when the words around it decide. */
const onlyReadingOf = (char: string): string => {
  let reading = onlyReadings.get(char);
  if (reading === undefined) {
    const readings = new Set(pinyin(char, { toneType: "none", type: "array", multiple: true }));
    reading = readings.size === 1 ? ([...readings][0] ?? "") : "";
    onlyReadings.set(char, reading);
  }
  return reading;
};

const syllablesOf = (han: string): readonly string[] => {
  const single = [...han].map(onlyReadingOf);
  return single.includes("") ? pinyin(han, { toneType: "none", type: "array" }) : single;
};
