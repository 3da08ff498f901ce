import { confusables } from "../fold-confusables.ts";

// Greek and Cyrillic.
const OTHERS = "\\u0370-\\u04ff";
const MIXED = new RegExp(`[${OTHERS}](?:[A-Za-z0-9]|(?<=[A-Za-z0-9].))`);
const WORD = new RegExp(`[A-Za-z0-9${OTHERS}]+`, "g");
const OTHER = new RegExp(`[${OTHERS}]`, "g");

const LATIN: ReadonlyMap<string, string> = confusables();
const MISTAKEN = [...LATIN.keys()].filter((char) => char.search(OTHER) === 0).join("");
/** What nobody takes for Latin. */
const FOREIGN = new RegExp(`(?![${MISTAKEN}])[${OTHERS}]`);

/**
 * A folded text with Latin letters for the Greek and Cyrillic ones that people take for them, in words
 * that have Latin letters or digits too and no letter that is only of those scripts. Of the same length.
 */
export const readLookAlikes = (text: string): string =>
  MIXED.test(text) ? text.replace(WORD, readWord) : text;

const readWord = (word: string): string =>
  FOREIGN.test(word) || !MIXED.test(word)
    ? word
    : word.replace(OTHER, (char) => LATIN.get(char) ?? char);
