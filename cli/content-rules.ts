import type { LoadedSettings } from "../config/load.ts";
import { type Problem, SettingsError } from "../config/problem.ts";
import { RESIDENCY } from "../config/residency.ts";
import type { Settings } from "../config/schema.ts";
import { ModelError } from "../core/contract/errors.ts";
import type { Models } from "../core/models/ask.ts";
import type { Classifier } from "../core/safety/classifiers/classifier.ts";
import { createClassifiers } from "../core/safety/classifiers/create.ts";
import { type Lexicon, LexiconError } from "../core/safety/moderation/lexicon.ts";
import type { LoadLexicon } from "../core/safety/moderation/load-lexicon.ts";
import { createSafety, type SafetyOf } from "../core/safety/tenant-safety.ts";
import { reviewerWarnings } from "./reviewers.ts";

/** What the settings say of the contents of messages and answers. */
export interface ContentRules {
  readonly safetyOf: SafetyOf;
  /** What an operator should know: lexicons that are not there, reviews that nobody does, classifiers out of reach. */
  readonly warnings: readonly string[];
}

/** For who judges no turns. */
export const NO_MODELS: Models = {
  begin: () => {
    throw new ModelError("MODEL_UNAVAILABLE", "no model is to be asked here");
  },
};

/**
 * Builds what tenants let pass, lexicons included. Throws SettingsError for a lexicon that cannot be
 * used, so that settings with one are refused like others that are wrong. One whose file was never
 * there closes the tenants that name it instead, as a missing key does: the others can be served.
 * @param models asks the models that judge; absent = nobody is asked
 */
export const loadContentRules = (
  { settings, providers, source }: LoadedSettings,
  loadLexicon: LoadLexicon,
  models: Models = NO_MODELS,
): ContentRules => {
  const { lexicons, warnings } = loadLexicons(settings, source, loadLexicon);
  const classifiers = createClassifiers(settings.moderation?.classifiers ?? [], providers, models);
  return {
    safetyOf: createSafety(settings, { lexicons, classifiers }),
    warnings: [
      ...warnings,
      ...reviewerWarnings(settings, lexicons),
      ...neverAsked(settings, classifiers),
    ],
  };
};

/** Classifiers that a tenant's data may never go to: either nothing of it passes, or all of it unjudged. */
const neverAsked = (
  { moderation, multi_tenant: { tenants } }: Settings,
  classifiers: readonly Classifier[],
): readonly string[] =>
  tenants.flatMap((tenant) => {
    const residency = tenant.llm_config?.data_residency ?? "any";
    const isRequired = tenant.moderation?.required ?? moderation?.required ?? false;
    return classifiers
      .filter(({ region }) => !RESIDENCY[residency].includes(region))
      .map(
        ({ name, region }) =>
          `tenant ${tenant.id} (data_residency ${residency}) may never ask the classifier ${name} (${region}): its messages ${isRequired ? "are all refused (MODERATION_UNAVAILABLE)" : "pass without its judgement"}`,
      );
  });

const loadLexicons = (
  { moderation, multi_tenant }: Settings,
  source: string,
  load: LoadLexicon,
): { readonly lexicons: ReadonlyMap<string, Lexicon>; readonly warnings: readonly string[] } => {
  const lexicons = new Map<string, Lexicon>();
  const warnings: string[] = [];
  const problems: Problem[] = [];
  for (const [index, { name, file }] of (moderation?.lexicons ?? []).entries()) {
    try {
      lexicons.set(name, load(file));
    } catch (cause) {
      if (!(cause instanceof LexiconError)) throw cause;
      const path = `moderation.lexicons[${index}].file`;
      if (cause.isMissing) {
        warnings.push(
          `${path}: ${file} does not exist: tenants that name ${name} are refused (MODERATION_UNAVAILABLE)`,
        );
        continue;
      }
      const expected = "a lexicon as in docs/moderation.md";
      for (const found of cause.problems)
        problems.push({ path, found: `${file}: ${found}`, expected });
    }
  }
  const shared = createSharedId(lexicons);
  for (const [index, { lexicons: names = [] }] of multi_tenant.tenants.entries()) {
    const id = shared(names);
    if (id === undefined) continue;
    problems.push({
      path: `multi_tenant.tenants[${index}].lexicons`,
      found: `the term id ${JSON.stringify(id)} in two of them`,
      expected: "ids that are unique over a tenant's lexicons",
    });
  }
  if (problems.length > 0) throw new SettingsError(source, problems);
  return { lexicons, warnings };
};

/** Finds an id that two of some lexicons have in common; each pair is compared once. */
const createSharedId = (lexicons: ReadonlyMap<string, Lexicon>) => {
  const known = new Map<string, string | undefined>();
  const ofPair = (one: string, other: string): string | undefined => {
    const key = JSON.stringify([one, other].sort());
    if (!known.has(key)) {
      const ids = new Set(lexicons.get(one)?.ids);
      known.set(
        key,
        [...(lexicons.get(other)?.ids ?? [])].find((id) => ids.has(id)),
      );
    }
    return known.get(key);
  };
  return (names: readonly string[]): string | undefined => {
    const distinct = [...new Set(names)];
    for (const [at, one] of distinct.entries()) {
      for (const other of distinct.slice(at + 1)) {
        const id = ofPair(one, other);
        if (id !== undefined) return id;
      }
    }
    return undefined;
  };
};
