import { stronger } from "../moderation/moderation.ts";
import type { Classification, Classifier } from "./classifier.ts";

/** What all classifiers of a tenant say. */
export interface Classified extends Classification {
  /** Names of those that did not judge the whole text. */
  readonly unavailable: readonly string[];
}

const DEADLINE_MS = 30_000;
// So much text in one turn is an attack on the classifier's bill.
const MAX_PARTS = 200;

/** Asks every classifier that the text may go to. Throws only when `signal` was aborted. */
export const classify = async (
  text: string,
  classifiers: readonly Classifier[],
  mayAsk: (classifier: Classifier) => boolean,
  signal: AbortSignal,
): Promise<Classified> => {
  const answers = await Promise.all(
    classifiers.map(async (classifier) => {
      if (!mayAsk(classifier)) return { name: classifier.name };
      try {
        return { name: classifier.name, said: await ask(classifier, text, signal) };
      } catch {
        signal.throwIfAborted();
        return { name: classifier.name };
      }
    }),
  );
  const said = answers.flatMap((answer) => answer.said ?? []);
  return {
    action: said.reduce<Classification["action"]>(
      (action, own) => strongerOf(action, own.action),
      "allow",
    ),
    labels: [...new Set(said.flatMap(({ labels }) => labels))],
    unavailable: answers.flatMap((answer) => (answer.said ? [] : [answer.name])),
  };
};

const strongerOf = (
  one: Classification["action"],
  other: Classification["action"],
): Classification["action"] => (stronger(one, other) === one ? one : other);

const ask = async (
  classifier: Classifier,
  text: string,
  signal: AbortSignal,
): Promise<Classification[]> => {
  const parts = partsOf(text, classifier.maxUnits);
  if (parts.length > MAX_PARTS) throw new RangeError("more text than a classifier is asked about");
  const either = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
  const said: Classification[] = [];
  for (const part of parts) {
    const judged = await classifier.classify(part, either);
    said.push(judged);
    if (judged.action === "block") break;
  }
  return said;
};

/** Each part begins with the end of the one before, so that a phrase on a border is seen whole. */
const partsOf = (text: string, maxUnits: number): string[] => {
  const step = maxUnits - Math.floor(maxUnits / 10);
  const parts = [];
  for (let at = 0; at === 0 || at + maxUnits - step < text.length; at += step) {
    parts.push(text.slice(at, at + maxUnits).toWellFormed());
  }
  return parts;
};
