import HKVariants from "opencc-js/dict/HKVariants";
import TSCharacters from "opencc-js/dict/TSCharacters";
import TSPhrases from "opencc-js/dict/TSPhrases";
import TWVariants from "opencc-js/dict/TWVariants";
import { otherForms } from "./fold-variants.ts";

/** `[from, to]` for each entry of an OpenCC dictionary; of several meanings the usual one. */
export const entriesOf = (dictionary: string): readonly (readonly [string, string])[] =>
  dictionary.split("|").flatMap((entry) => {
    const [from, to] = entry.split(" ");
    return from && to ? [[from, to] as const] : [];
  });

/**
 * Han characters that write the same word, each with the one that stands for all of them, e.g. both
 * 發 and 髮 with 发; characters without variants are absent.
 *
 * Conversion by phrases depends on what stands around a character, so that a term alone and the
 * same term in a sentence could come out differently. What phrases know is folded into the
 * characters instead: 乾坤 stays 乾坤 in simplified text while 乾淨 becomes 干净, so 乾 and 干 are one.
 */
export const hanVariants = (): ReadonlyMap<string, string> => {
  const parents = new Map<string, string>();
  const rootOf = (char: string): string => {
    let root = char;
    for (let up = parents.get(root); up !== undefined; up = parents.get(root)) root = up;
    return root;
  };
  const simplified = new Set(entriesOf(TSCharacters).map(([, to]) => to));
  const unite = (from: string, to: string): void => {
    const [one, other] = [rootOf(from), rootOf(to)];
    if (one === other) return;
    // The usual simplified character stands for them all.
    if (simplified.has(other)) parents.set(one, other);
    else parents.set(other, one);
  };
  for (const [from, to] of entriesOf(TSCharacters)) unite(from, to);
  for (const dictionary of [TWVariants, HKVariants, TSPhrases]) {
    for (const [from, to] of entriesOf(dictionary)) {
      const [before, after] = [[...from], [...to]];
      if (before.length !== after.length) continue;
      before.forEach((char, at) => {
        unite(char, after[at] ?? char);
      });
    }
  }
  for (const [form, usual] of otherForms()) {
    const [one, other] = [rootOf(form), rootOf(usual)];
    if (one !== other) parents.set(one, other);
  }
  return new Map([...parents.keys()].map((char) => [char, rootOf(char)]));
};
