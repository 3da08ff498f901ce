import { ACTIONS, type Action, type Lexicon } from "./lexicon.ts";
import { moderate, type Verdict } from "./scan.ts";
import { ModerationStream } from "./stream.ts";

/** What a tenant's lexicons make of texts. */
export interface Moderation {
  inspect(text: string): Verdict;
  /** For a text that comes in pieces; however it is cut, the verdict is the whole text's. */
  stream(): ModerationStream;
}

/**
 * Moderation by these lexicons, each of which other tenants may share: nothing is built here, and a
 * text is read once for each of them.
 */
export const createModeration = (lexicons: readonly Lexicon[]): Moderation => ({
  inspect: (text) => joined(lexicons.map((lexicon) => moderate(text, lexicon))),
  stream: () => new ModerationStream(lexicons),
});

/** The stronger of two actions. */
export const stronger = (one: Action, other: Action): Action =>
  ACTIONS.indexOf(one) >= ACTIONS.indexOf(other) ? one : other;

/** The verdict of several lexicons. */
const joined = (verdicts: readonly Verdict[]): Verdict => {
  const [only] = verdicts;
  if (only && verdicts.length === 1) return only;
  return {
    action: verdicts.reduce<Action>((action, own) => stronger(action, own.action), "allow"),
    hits: verdicts
      .flatMap(({ hits }) => hits)
      .sort((one, other) => one.start - other.start || one.end - other.end),
  };
};
