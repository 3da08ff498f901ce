import { parseJsonc } from "../../../config/jsonc.ts";
import type { Term } from "./lexicon.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * The keys that stand twice in one object of a list, with their lines. Of two JSON.parse takes the
 * last one in silence: a second list of terms would replace the first, or a `mask` a `block`.
 * @param text what `terms` were read from
 */
export const repeatedKeys = (text: string, terms: readonly Term[]): readonly string[] => {
  // Beside those of its entries a list has one key: `terms`.
  const read = terms.reduce((sum, term) => sum + Object.keys(term).length, 1);
  if (countKeys(text) === read) return [];
  return parseJsonc(text.replace(/^\ufeff/, "")).problems.map(
    ({ line, path, found, expected }) =>
      `${line === undefined ? "" : `line ${line}: `}${path}: ${found}; expected ${expected}`,
  );
};

/** How many keys stand in a text that is JSON, without making an object of it once more. */
const countKeys = (text: string): number => {
  let keys = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    at += 1;
    while (text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
    at += 1;
    while (isSpace(text.charCodeAt(at))) at += 1;
    if (text.charCodeAt(at) === COLON) keys += 1;
  }
  return keys;
};

const isSpace = (unit: number): boolean =>
  unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
