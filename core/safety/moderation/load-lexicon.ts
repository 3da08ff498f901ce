import { readFileSync, statSync } from "node:fs";
import { createLexicon, type Lexicon, LexiconError, parseTerms } from "./lexicon.ts";

const MAX_BYTES = 64 * 1024 * 1024;

/** Reads the files of a tenant's lexicons into one. Throws LexiconError. */
export const loadLexicon = (files: readonly string[]): Lexicon => {
  const terms = files.flatMap((file) => parseTerms(readText(file), file));
  return createLexicon(terms, files.join(", "));
};

const readText = (file: string): string => {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw new LexiconError(file, ["something that is not a file"]);
    if (stat.size > MAX_BYTES) {
      throw new LexiconError(file, [`${stat.size} bytes, more than ${MAX_BYTES}`]);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    if (cause instanceof LexiconError) throw cause;
    if (cause instanceof TypeError) throw new LexiconError(file, ["bytes that are not UTF-8"]);
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    const why = code === "ENOENT" ? "no such file" : `cannot be read (${code})`;
    throw new LexiconError(file, [why]);
  }
};
