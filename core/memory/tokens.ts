import { createHash } from "node:crypto";
import { fold, foldedString, foldingDigest } from "../safety/fold.ts";

// What one alternative takes is nothing else any more, so this is linear in the text.
const RUNS =
  /([\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]+)|((?:(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}])[\p{L}\p{N}])+)/gu;

const MAX_WORD_UNITS = 64;

/** To be raised with a change of code, here or in folding, that gives a text other tokens: tables speak for themselves. */
const REVISION = 1;

let fingerprint: Buffer | undefined;

/**
 * 32 bytes that stand for all by which a text gets its tokens: what was indexed where they were
 * others is not found by all that it is looked for by. Some milliseconds at the first call.
 */
export const tokensFingerprint = (): Buffer => {
  // What is a letter, and of which script, is Unicode's to say, and that comes with Node or the system.
  const rules = [REVISION, RUNS.source, MAX_WORD_UNITS, process.versions.unicode];
  fingerprint ??= createHash("sha256")
    .update(foldingDigest())
    .update(JSON.stringify(rules))
    .digest();
  return fingerprint;
};

/**
 * What a text is found by, folded as content rules fold it: its words, and of CJK text each two
 * characters in a row, or the one that stands alone. Each once, in the order of their first place.
 * @param limit most tokens; the beginning of a text counts
 */
export const tokensOf = (text: string, limit: number): readonly string[] => {
  const tokens = new Set<string>();
  for (const [, han, word] of foldedString(fold(text)).matchAll(RUNS)) {
    if (word !== undefined) tokens.add(word.slice(0, MAX_WORD_UNITS));
    else if (han !== undefined) addPairs(han, tokens, limit);
    if (tokens.size >= limit) break;
  }
  return [...tokens].slice(0, limit);
};

const addPairs = (run: string, tokens: Set<string>, limit: number): void => {
  let before: string | undefined;
  let count = 0;
  for (const character of run) {
    if (before !== undefined) tokens.add(before + character);
    before = character;
    count += 1;
    if (tokens.size >= limit) return;
  }
  if (count === 1 && before !== undefined) tokens.add(before);
};
