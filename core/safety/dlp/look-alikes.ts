import { confusables } from "../fold-confusables.ts";
import { stringOf, unitsOf } from "../units.ts";

// Greek and Cyrillic.
const FIRST = 0x370;
const LAST = 0x4ff;
const MIXED = /[\u0370-\u04ff](?:[A-Za-z0-9]|(?<=[A-Za-z0-9].))/;

const isOther = (unit: number): boolean => unit >= FIRST && unit <= LAST;

const isLatinOrDigit = (unit: number): boolean => {
  const small = unit | 0x20;
  return (small >= 0x61 && small <= 0x7a) || (unit >= 0x30 && unit <= 0x39);
};

/** By letter from FIRST on: the Latin one that people take it for, or 0. */
const LATIN = (() => {
  const letters = new Uint16Array(LAST - FIRST + 1);
  for (const [alike, letter] of confusables()) {
    const unit = alike.charCodeAt(0);
    if (isOther(unit)) letters[unit - FIRST] = letter.charCodeAt(0);
  }
  return letters;
})();

/**
 * A folded text with Latin letters for the Greek and Cyrillic ones that people take for them, in words
 * that have Latin letters or digits too and no letter that is only of those scripts. Of the same length.
 */
export const readLookAlikes = (text: string): string => {
  if (!MIXED.test(text)) return text;
  const units = unitsOf(text);
  for (let at = 0; at < units.length; at++) {
    const start = at;
    let [hasLatin, hasAlike, hasForeign] = [false, false, false];
    for (; at < units.length; at++) {
      const unit = units[at] ?? 0;
      if (isLatinOrDigit(unit)) hasLatin = true;
      else if (!isOther(unit)) break;
      else if (LATIN[unit - FIRST] === 0) hasForeign = true;
      else hasAlike = true;
    }
    if (hasLatin && hasAlike && !hasForeign) makeLatin(units, start, at);
  }
  return stringOf(units);
};

const makeLatin = (units: Uint16Array, start: number, end: number): void => {
  for (let at = start; at < end; at++) {
    const unit = units[at] ?? 0;
    if (isOther(unit)) units[at] = LATIN[unit - FIRST] ?? unit;
  }
};
