import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createLexicon, type Lexicon, LexiconError, parseTerms } from "./lexicon.ts";
import { repeatedKeys } from "./repeated-keys.ts";

const MAX_BYTES = 64 * 1024 * 1024;

/** Reads a file of terms. Throws LexiconError. */
export type LoadLexicon = (file: string) => Lexicon;

/** Loads lexicons; one whose file says the same as the last time is not built anew. */
export const createLexiconLoader = (): LoadLexicon => {
  const known = new Map<string, { readonly digest: string; readonly lexicon: Lexicon }>();
  return (file) => {
    const text = readText(file, known.has(file));
    const digest = createHash("sha256").update(text).digest("base64");
    const before = known.get(file);
    if (before?.digest === digest) return before.lexicon;
    const terms = parseTerms(text, file);
    const repeated = repeatedKeys(text, terms);
    if (repeated.length > 0) throw new LexiconError(file, repeated);
    const lexicon = createLexicon(terms, file, text);
    known.set(file, { digest, lexicon });
    return lexicon;
  };
};

const readText = (file: string, wasThere: boolean): string => {
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
    throw new LexiconError(file, [why], code === "ENOENT" && !wasThere);
  }
};
