import STCharacters from "opencc-js/dict/STCharacters";
import TSCharacters from "opencc-js/dict/TSCharacters";
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

interface Regional {
  /** From the mainland's words to Taiwan's, and back. */
  readonly toTaiwan: Phrases;
  readonly toMainland: Phrases;
  /** Characters that are written only in simplified text, and only in traditional. */
  readonly simplified: RegExp;
  readonly traditional: RegExp;
}

const charactersOf = (dictionary: string): string =>
  entriesOf(dictionary)
    .filter(([from, to]) => from !== to)
    .map(([from]) => from)
    .join("");

let shared: Regional | undefined;

const regional = (): Regional => {
  shared ??= {
    toTaiwan: read(TWPhrases),
    toMainland: read(TWPhrasesRev),
    simplified: new RegExp(`[${charactersOf(STCharacters)}]`, "u"),
    traditional: new RegExp(`[${charactersOf(TSCharacters)}]`, "u"),
  };
  return shared;
};

/**
 * A folded term in the words of the other region, where they differ from the term's; `written` is the
 * term before folding, whose script tells whose words it uses. Where it does not, both are tried: the
 * same word may be another one there (外挂 cheats in a game on the mainland, and is a plug-in in Taiwan).
 */
export const regionalVariants = (term: string, written: string): readonly string[] => {
  const { toTaiwan, toMainland, simplified, traditional } = regional();
  const variants: string[] = [];
  for (const [phrases, own, other] of [
    [toTaiwan, simplified, traditional],
    [toMainland, traditional, simplified],
  ] as const) {
    const variant = replace(term, phrases);
    if (variant !== term && (own.test(written) || !other.test(written))) variants.push(variant);
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
