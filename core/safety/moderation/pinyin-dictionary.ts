import { createRequire } from "node:module";

/** How Han characters are read. */
interface PinyinDictionary {
  readonly pinyin: typeof import("pinyin-pro").pinyin;
  /** What was asked for before: by character, its only reading, "" for none or several. */
  readonly onlyReadings: Map<string, string>;
}

let last: WeakRef<PinyinDictionary> | undefined;

/**
 * Loads the dictionary, in some 60 ms, or has it from what was loaded just before. It is 115,000 objects,
 * a third of all that a gateway held, and every full collection stops everything to look at each: so
 * nothing keeps it once the terms are read.
 */
export const pinyinDictionary = (): PinyinDictionary => {
  const known = last?.deref();
  if (known) return known;
  const require = createRequire(import.meta.url);
  const file = require.resolve("pinyin-pro");
  const { pinyin }: typeof import("pinyin-pro") = require(file);
  delete require.cache[file]; // an imported module would stay for good
  const dictionary = { pinyin, onlyReadings: new Map<string, string>() };
  last = new WeakRef(dictionary);
  return dictionary;
};
