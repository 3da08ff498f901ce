import { z } from "zod";
import { parseJsonc } from "../../../config/jsonc.ts";
import { GatewayError } from "../../contract/errors.ts";
import type { Automaton } from "./automaton.ts";
import { linesOfEntries } from "./entry-lines.ts";
import { IdList } from "./id-list.ts";
import { pinyinOf } from "./pinyin.ts";
import { createPinyinIndex, type PinyinIndex, type SpelledTerm } from "./pinyin-index.ts";
import { lettersOf, reachesOverSentence, spellingsOf } from "./spellings.ts";
import { WordList } from "./word-list.ts";

/** What happens to a text in which a term was found, from the weakest to the strongest. */
export const ACTIONS = ["allow", "mask", "review", "block"] as const;
export type Action = (typeof ACTIONS)[number];

/** A list of terms cannot be used; the message says which entries and why. */
export class LexiconError extends GatewayError {
  override readonly name = "LexiconError";
  constructor(
    readonly source: string,
    readonly problems: readonly string[],
    /** There is no such file, and there has been none since the start. */
    readonly isMissing = false,
  ) {
    const shown = problems.slice(0, SHOWN).map((problem) => `  ${problem}`);
    if (problems.length > SHOWN) shown.push(`  and ${problems.length - SHOWN} more`);
    super("LEXICON_INVALID", [`lexicon not usable: ${source}`, ...shown].join("\n"));
  }
}

const EXPECTED = '{"terms":[{"id","term","action"}, …]}';
const SHOWN = 20;
const MAX_TERM_UNITS = 64;

const termSchema = z.strictObject({
  // It stands in the audit log, in reviews and on operators' terminals.
  id: z
    .string()
    .min(1)
    .max(200)
    .regex(/^\P{C}*$/u, "an id of visible characters"),
  term: z.string().min(1),
  lang: z.string().optional(),
  category: z.string().optional(),
  action: z.enum(["block", "review", "mask"]),
  pinyin: z.boolean().optional(),
});
const lexiconSchema = z.strictObject({ terms: z.array(z.unknown()) });

/** One entry of a list. */
export type Term = z.infer<typeof termSchema>;

/** Reads a list: `{"terms":[{"id","term","lang","category","action","pinyin"}]}`. Throws LexiconError. */
export const parseTerms = (text: string, source: string): readonly Term[] => {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    const [first] = parseJsonc(text).problems;
    const where =
      first === undefined
        ? "comments, or a comma behind the last entry: "
        : first.line === undefined
          ? ""
          : `line ${first.line}: `;
    throw new LexiconError(source, [`${where}no JSON; expected ${EXPECTED}`]);
  }
  const list = lexiconSchema.safeParse(json);
  if (!list.success) throw new LexiconError(source, list.error.issues.map(describe));
  const problems: Problem[] = [];
  const terms: Term[] = [];
  for (const [at, entry] of list.data.terms.entries()) {
    const term = termSchema.safeParse(entry);
    if (term.success) terms.push(term.data);
    else {
      for (const issue of term.error.issues) {
        problems.push({ at, why: `terms[${at}]: ${describe(issue)}` });
      }
    }
  }
  if (problems.length > 0) throw new LexiconError(source, withLines(problems, text));
  return terms;
};

/** What is wrong with an entry, known by its index. */
interface Problem {
  readonly at: number;
  readonly why: string;
}

/** With the line of the text on which each entry begins, where the text is at hand. */
const withLines = (problems: readonly Problem[], text: string | undefined): readonly string[] => {
  if (text === undefined) return problems.map(({ why }) => why);
  const lines = linesOfEntries(text);
  return problems.map(({ at, why }) => `line ${lines[at] ?? 1}: ${why}`);
};

const describe = ({ path, message }: z.core.$ZodIssue): string =>
  path.length === 0 ? message : `${path.join(".")}: ${message}`;

/** Terms, ready to be looked for. Terms are known by their index. */
export interface Lexicon {
  readonly ids: IdList;
  /** By term: index into ACTIONS. */
  readonly actions: Uint8Array;
  readonly words: Automaton;
  /** By word of `words`: its term. */
  readonly termOfWord: Uint32Array;
  /** Absent when no term asks for it. */
  readonly pinyin: PinyinIndex | undefined;
}

/**
 * Builds what the search needs. Throws LexiconError for terms that could never be found, with their
 * lines where the text that they were read from is given.
 */
export const createLexicon = (terms: readonly Term[], source: string, text?: string): Lexicon => {
  const problems: Problem[] = [];
  const known = new Set<string>();
  const words = new WordList();
  const spelled: SpelledTerm[] = [];
  const actions = new Uint8Array(terms.length);
  for (const [at, { id, term, action, pinyin }] of terms.entries()) {
    actions[at] = ACTIONS.indexOf(action);
    const refuse = (why: string) => problems.push({ at, why: `terms[${at}] (${id}): ${why}` });
    if (known.has(id)) refuse("this id stands twice; ids must be unique");
    known.add(id);
    const units = lettersOf(term);
    const problem = problemOf(units, term);
    if (problem) {
      refuse(problem);
      continue;
    }
    for (const spelling of spellingsOf(units, term)) words.add(spelling, at);
    if (pinyin) for (const syllables of pinyinOf(term)) spelled.push({ term: at, syllables });
  }
  if (problems.length > 0) throw new LexiconError(source, withLines(problems, text));
  const index = createPinyinIndex(spelled);
  const ids = new IdList(terms.map(({ id }) => id));
  const built = words.build();
  // By name, so that all lexicons have one shape, for which the search is compiled once.
  return { ids, actions, words: built.words, termOfWord: built.termOfWord, pinyin: index };
};

const problemOf = (units: string, term: string): string | undefined => {
  if (units === "") return "nothing is left of the term without punctuation and symbols";
  if (reachesOverSentence(units, term)) {
    return "a term cannot reach over the end of a sentence (。！？.!? or a line break)";
  }
  if (units.length > MAX_TERM_UNITS) return `longer than ${MAX_TERM_UNITS} letters`;
  if (
    units.length === 1 &&
    /[\p{L}\p{N}]/u.test(units) &&
    !/\p{Lo}/u.test(units) &&
    term.trim().length > 1
  ) {
    return "punctuation is skipped, so only a single letter is left of the term";
  }
  return undefined;
};
