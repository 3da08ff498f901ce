import { fold, foldedString } from "../fold.ts";
import { pinyinDictionary } from "./pinyin-dictionary.ts";

/** A part of a term that is typed in one go: the syllable of a Han character, or Latin letters. */
export interface Syllable {
  /** The folded character as a UTF-16 unit; LATIN, or ASTRAL for one that two units write. */
  readonly char: number;
  /** Its reading without tone, ü as ü: `pin`, `lü`. */
  readonly letters: string;
}

/** Stands in `Syllable.char` for letters that are Latin in the term too: the K of K粉. */
export const LATIN = 1;
/** Stands in `Syllable.char` for a character beyond the BMP, which is known by its reading only. */
export const ASTRAL = 0xffff;

const READING = /^[a-zü]+$/;
const PART = /[a-z]+|\p{Script=Han}/gu;
const MIN_SYLLABLES = 2;
const MAX_SYLLABLES = 12;

// Characters with two common readings that a dictionary of phrases often has to guess in a term, because
// terms are short and new: the reading that it guesses, and the other one. Folded.
const ALSO_READ = new Map(
  `还 hai huan|弹 tan dan|调 tiao diao|勒 le lei|藏 cang zang|扒 ba pa|剥 bao bo|薄 bao bo|重 zhong chong
  阿 a e|折 zhe she|着 zhe zhuo|露 lu lou|盛 sheng cheng|系 xi ji|瞭 liao le`
    .split(/[|\n]/)
    .map((entry) => entry.trim().split(" "))
    .map(([char = "", guessed = "", other = ""]) => [`${char}${guessed}`, other] as const),
);
const MAX_GUESSED = 2;

/**
 * The ways in which a Han term is typed as pinyin. None for a single character, whose syllable would be
 * any of a hundred words, and for terms with other letters than Han and Latin.
 */
export const pinyinOf = (term: string): readonly (readonly Syllable[])[] => {
  const syllables = syllablesOf(term);
  if (syllables.length === 0) return [];
  let ways = [syllables];
  let guessed = 0;
  for (const [at, { char, letters }] of syllables.entries()) {
    const other = ALSO_READ.get(String.fromCharCode(char) + letters);
    if (other === undefined || guessed === MAX_GUESSED) continue;
    guessed += 1;
    ways = [...ways, ...ways.map((way) => way.with(at, { char, letters: other }))];
  }
  return ways;
};

const syllablesOf = (term: string): readonly Syllable[] => {
  const letters = foldedString(fold(term)).replace(/[^\p{L}\p{N}]/gu, "");
  const parts = letters.match(PART) ?? [];
  if (parts.length < MIN_SYLLABLES || parts.length > MAX_SYLLABLES) return [];
  const han = parts.filter((part) => !isLatin(part));
  if (han.length === 0 || parts.join("") !== letters) return [];
  const readings = readingsOf(han, term.normalize("NFKC").match(/\p{Script=Han}/gu) ?? []);
  let next = 0;
  const syllables = parts.map((part) => {
    if (isLatin(part)) return { char: LATIN, letters: part };
    const char = part.length > 1 ? ASTRAL : part.charCodeAt(0);
    return { char, letters: readings[next++] ?? "" };
  });
  // A character without a known reading comes back as itself.
  return syllables.every((syllable) => READING.test(syllable.letters)) ? syllables : [];
};

const isLatin = (part: string): boolean => part.charCodeAt(0) < 0x80;

/** The only reading of a character, "" when the words around it decide or none is known. */
const onlyReadingOf = (char: string): string => {
  const { pinyin, onlyReadings } = pinyinDictionary();
  let reading = onlyReadings.get(char);
  if (reading === undefined) {
    const readings = new Set(pinyin(char, { toneType: "none", type: "array", multiple: true }));
    const [first = ""] = readings;
    reading = readings.size === 1 && READING.test(first) ? first : "";
    onlyReadings.set(char, reading);
  }
  return reading;
};

/** @param written the characters before folding, which makes 彷 of 仿: that one is read otherwise */
const readingsOf = (han: readonly string[], written: readonly string[]): readonly string[] => {
  const isSame = written.length === han.length;
  const own = han.map((char, at) => {
    const before = written[at] ?? "";
    return isSame && onlyReadingOf(char) === "" && onlyReadingOf(before) !== "" ? before : char;
  });
  const single = own.map(onlyReadingOf);
  if (!single.includes("")) return single;
  return pinyinDictionary().pinyin(own.join(""), { toneType: "none", type: "array" });
};
