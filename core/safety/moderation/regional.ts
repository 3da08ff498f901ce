import TWPhrases from "opencc-js/dict/TWPhrases";
import TWPhrasesRev from "opencc-js/dict/TWPhrasesRev";
import { fold, foldedString } from "../fold.ts";
import { entriesOf } from "../fold-han.ts";

// Words for one thing that differ by region, folded: 软件 and 软体, 网络 and 网路.
interface Phrases {
  readonly byPhrase: ReadonlyMap<string, string>;
  /** First units of phrases, to pass by most terms without a look-up. */
  readonly firstUnits: Uint8Array;
  readonly longest: number;
}

const read = (dictionary: string): Phrases => {
  const byPhrase = new Map<string, string>();
  const firstUnits = new Uint8Array(0x10000);
  let longest = 0;
  for (const pair of entriesOf(dictionary)) {
    const [from = "", to = ""] = pair.map((phrase) => foldedString(fold(phrase)));
    // One character has too many meanings to stand for a word of another region.
    if (from === to || from.length < 2 || to.length < 2) continue;
    byPhrase.set(from, to);
    firstUnits[from.charCodeAt(0)] = 1;
    longest = Math.max(longest, from.length);
  }
  return { byPhrase, firstUnits, longest };
};

let shared: readonly Phrases[] | undefined;

/** A folded term in the words of Taiwan and of the mainland, where they differ from the term's. */
export const regionalVariants = (term: string): readonly string[] => {
  shared ??= [read(TWPhrases), read(TWPhrasesRev)];
  const variants: string[] = [];
  for (const phrases of shared) {
    const variant = replace(term, phrases);
    if (variant !== term) variants.push(variant);
  }
  return variants;
};

const replace = (term: string, { byPhrase, firstUnits, longest }: Phrases): string => {
  let out = "";
  let copied = 0;
  for (let at = 0; at < term.length; at += 1) {
    if (firstUnits[term.charCodeAt(at)] === 0) continue;
    for (let length = Math.min(longest, term.length - at); length > 1; length -= 1) {
      const to = byPhrase.get(term.slice(at, at + length));
      if (to === undefined) continue;
      out += term.slice(copied, at) + to;
      copied = at + length;
      at = copied - 1;
      break;
    }
  }
  return out + term.slice(copied);
};
