import type { Automaton } from "./automaton.ts";
import { PairFilter } from "./pair-filter.ts";
import { ASTRAL, LATIN, type Syllable } from "./pinyin.ts";
import { WordList } from "./word-list.ts";

/** Terms as people type them on a Latin keyboard, wholly or in part. */
export interface PinyinIndex {
  /** Of Latin letters, and of the characters that `readings` gives as themselves. */
  readonly words: Automaton;
  readonly termOfWord: Uint32Array;
  /** By unit of one word after the other: the character (see `Syllable.char`) whose syllable starts there, else 0. */
  readonly syllables: Uint16Array;
  /** By word: where its part of `syllables` starts. */
  readonly starts: Uint32Array;
  /** By UTF-16 unit: which of `readings` it has, 0 for a character that stands in no term. */
  readonly readingOf: Uint16Array;
  readonly readings: readonly Reading[];
  /** What may stand side by side in a term: two characters, or one and a `runOf` typed letters. */
  readonly neighbours: PairFilter;
  /** Syllables of the longest term. */
  readonly longest: number;
}

/**
 * What stands for a Han character in `PinyinIndex.words`: how it is read, or the character itself
 * where the terms read it in more ways than one (行: háng and xíng).
 */
export interface Reading {
  readonly letters: string;
  /** The state of the words after it, from the start; 0 where no word begins so. */
  readonly state: number;
}

/** A term, known by its index, and how it is read. */
export interface SpelledTerm {
  readonly term: number;
  readonly syllables: readonly Syllable[];
}

// Of more characters with several readings only the first are found as themselves beside pinyin.
const MAX_AMBIGUOUS = 3;

/** Builds the index; absent for no terms. */
export const createPinyinIndex = (terms: readonly SpelledTerm[]): PinyinIndex | undefined => {
  if (terms.length === 0) return undefined;
  const lettersOf = readingsOf(terms);
  const list = new WordList();
  const syllablesOfWords: number[] = [];
  const starts: number[] = [];
  for (const { term, syllables } of terms) {
    for (const parts of writingsOf(syllables, lettersOf)) {
      list.add(parts.join(""), term);
      starts.push(syllablesOfWords.length);
      for (const [at, { length }] of parts.entries()) {
        syllablesOfWords.push(syllables[at]?.char ?? 0);
        for (let unit = 1; unit < length; unit += 1) syllablesOfWords.push(0);
      }
    }
  }
  const { words, termOfWord } = list.build();
  const readingOf = new Uint16Array(0x10000);
  const readings: Reading[] = [{ letters: "", state: 0 }];
  for (const [char, letters] of lettersOf) {
    readingOf[char] = readings.length;
    readings.push({ letters, state: stateAfter(letters, words) });
  }
  const longest = terms.reduce((most, { syllables }) => Math.max(most, syllables.length), 0);
  const neighbours = neighboursIn(terms);
  // By name: what stands behind a spread has a shape of its own in each index, for which the search
  // would be compiled anew at its first text.
  return {
    words,
    termOfWord,
    syllables: Uint16Array.from(syllablesOfWords),
    starts: Uint32Array.from(starts),
    readingOf,
    readings,
    neighbours,
    longest,
  };
};

const readingsOf = (terms: readonly SpelledTerm[]): ReadonlyMap<number, string> => {
  const readings = new Map<number, string>();
  for (const { syllables } of terms) {
    for (const { char, letters } of syllables) {
      if (char === LATIN || char === ASTRAL) continue;
      const typed = withUmlaut(letters, "u");
      const known = readings.get(char);
      if (known === undefined) readings.set(char, typed);
      else if (known !== typed) readings.set(char, String.fromCharCode(char));
    }
  }
  return readings;
};

/** The ways to write a term, by syllable: ü as u or v, an ambiguous character as itself too. */
const writingsOf = (
  syllables: readonly Syllable[],
  readings: ReadonlyMap<number, string>,
): readonly (readonly string[])[] => {
  const letters = syllables.map((syllable) => syllable.letters);
  let writings = letters.some((reading) => reading.includes("ü"))
    ? ["u", "v"].map((umlaut) => letters.map((reading) => withUmlaut(reading, umlaut)))
    : [letters];
  let ambiguous = 0;
  for (const [at, { char }] of syllables.entries()) {
    const itself = String.fromCharCode(char);
    if (readings.get(char) !== itself || ambiguous === MAX_AMBIGUOUS) continue;
    ambiguous += 1;
    writings = [...writings, ...writings.map((parts) => parts.with(at, itself))];
  }
  return writings;
};

const withUmlaut = (letters: string, umlaut: string): string => letters.replaceAll("ü", umlaut);

const stateAfter = (letters: string, words: Automaton): number => {
  let state = 0;
  for (let at = 0; at < letters.length; at += 1) state = words.step(state, letters.charCodeAt(at));
  return words.depthOf(state) === letters.length ? state : 0;
};

/** A number for the letters of a row so far and one more; 0 before the first. */
export const runOf = (run: number, letter: number): number => Math.imul(run + letter, 0x01000193);

const neighboursIn = (terms: readonly SpelledTerm[]): PairFilter => {
  const pairs = new PairFilter(
    terms.reduce((sum, { syllables }) => sum + syllables.length ** 2, 0),
  );
  for (const { syllables } of terms) {
    for (const [first, { char }] of syllables.entries()) {
      const before = syllables[first - 1];
      if (before) pairs.add(before.char, char);
      // The syllables from here on, one more each time, between the characters on both sides.
      for (const umlaut of "uv") {
        let run = 0;
        for (let last = first; last < syllables.length; last += 1) {
          run = runAfter(run, syllables[last]?.letters ?? "", umlaut);
          const after = syllables[last + 1];
          if (before) pairs.add(before.char, run);
          if (after) pairs.add(run, after.char);
        }
        if (!syllables.some(({ letters }) => letters.includes("ü"))) break;
      }
    }
  }
  return pairs;
};

const runAfter = (run: number, letters: string, umlaut: string): number => {
  let after = run;
  for (const letter of withUmlaut(letters, umlaut)) after = runOf(after, letter.charCodeAt(0));
  return after;
};
