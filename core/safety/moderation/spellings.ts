import { fold } from "../fold.ts";
import { KIND } from "./kinds.ts";
import { BORDER } from "./letter-row.ts";
import { Letters } from "./letters.ts";
import { regionalVariants } from "./regional.ts";

// One for all terms: a hundred thousand of them would take as long to make as the rest together.
const letters = new Letters();

/** A term as the search reads texts, without what encloses it. */
export const lettersOf = (term: string): string => {
  letters.clear();
  letters.push(fold(term), 0);
  letters.finish();
  let units = "";
  for (let at = 0; at < letters.length; at += 1) {
    if (letters.kinds[at] !== KIND.sign) units += String.fromCharCode(letters.units[at] ?? 0);
  }
  return units;
};

const SENTENCE_END = String.fromCharCode(BORDER);
// Behind a word that another one follows: `Acme Inc. merger`, `U.S. visa`.
const ABBREVIATING_DOT = /(?<=[\p{Lu}\p{Ll}\p{N}])\.(?= +[\p{Lu}\p{Ll}\p{N}])/gu;

/** Whether a term, `units` being its `lettersOf`, goes on behind the end of a sentence. */
export const reachesOverSentence = (units: string, term: string): boolean =>
  units.includes(SENTENCE_END) &&
  lettersOf(term.replaceAll(ABBREVIATING_DOT, "")).includes(SENTENCE_END);

/** The ways to write a term, `units` being its `lettersOf`; each once. */
export const spellingsOf = (units: string, term: string): readonly string[] => {
  const spellings = [units, ...spacingsOf(units, term)];
  // In a text the dot of an abbreviation ends a sentence, or is not written.
  if (units.includes(SENTENCE_END)) {
    const undotted = term.replaceAll(ABBREVIATING_DOT, "");
    const own = lettersOf(undotted);
    spellings.push(own, ...spacingsOf(own, undotted));
  }
  // Η looks like H and η like n, so the cases of a Greek word fold apart.
  if (/\p{Script=Greek}/u.test(term)) {
    for (const form of [term.toUpperCase(), term.toLowerCase()]) {
      const own = lettersOf(form);
      spellings.push(own, ...spacingsOf(own, form));
    }
  }
  if (/\p{Script=Han}/u.test(units)) {
    for (const spelling of [...spellings]) spellings.push(...regionalVariants(spelling, term));
  }
  return spellings.length === 1 ? spellings : [...new Set(spellings)];
};

// What words are joined with. Other signs in a term are skipped, as in texts.
const JOINT = /(?<=[\p{L}\p{N}])[\p{Pd}\u2212_/]+(?=[\p{L}\p{N}])/u;
const JOINTS = new RegExp(JOINT, "gu");
// AK47 is also written AK 47. A single letter or digit beside others belongs to their word: `a55`.
const NUMBER_BESIDE = /(?<=[a-z]{2})(?=\d{2})|(?<=\d{2})(?=[a-z]{2})/;

/** A term of several Latin words with them together, apart, and of three with two together. */
const spacingsOf = (units: string, term: string): readonly string[] => {
  const isJoined = JOINT.test(term);
  if (!isJoined && !units.includes(" ") && !NUMBER_BESIDE.test(units)) return [];
  const apart = isJoined ? lettersOf(term.replaceAll(JOINTS, " ")) : units;
  const words = apart.split(" ").flatMap((word) => word.split(NUMBER_BESIDE));
  const spacings = [words.join(""), words.join(" ")];
  const [first = "", second = "", third = ""] = words;
  if (words.length === 3 && words.every(({ length }) => length > 1)) {
    spacings.push(`${first + second} ${third}`, `${first} ${second + third}`);
  }
  return spacings;
};
