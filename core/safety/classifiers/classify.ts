import { GatewayError } from "../../contract/errors.ts";
import type { Context } from "../../stage.ts";
import { TurnSignal } from "../../turn-signal.ts";
import { stronger } from "../moderation/moderation.ts";
import { ClassifierError } from "./ask-json.ts";
import type { Classification, Classifier } from "./classifier.ts";

/** What all classifiers of a tenant say. */
export interface Classified extends Classification {
  /** Those that did not judge the whole text, and why; never with a word of it. */
  readonly unavailable: readonly { readonly name: string; readonly reason: string }[];
}

const DEADLINE_MS = 30_000;
// So much text in one turn is an attack on the classifier's bill.
const MAX_PARTS = 200;

/** Asks every classifier that the text may go to. Throws only when the turn was aborted. */
export const classify = async (
  text: string,
  classifiers: readonly Classifier[],
  mayAsk: (classifier: Classifier) => boolean,
  context: Context,
): Promise<Classified> => {
  const answers = await Promise.all(
    classifiers.map(async (classifier) => {
      const { name } = classifier;
      if (!mayAsk(classifier)) return { name, reason: "the data may not go there" };
      try {
        return { name, said: await ask(classifier, text, context) };
      } catch (cause) {
        context.signal.throwIfAborted();
        return { name, reason: cause instanceof GatewayError ? cause.message : "a fault" };
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
    unavailable: answers.flatMap((answer) =>
      answer.said === undefined ? [{ name: answer.name, reason: answer.reason }] : [],
    ),
  };
};

const strongerOf = (
  one: Classification["action"],
  other: Classification["action"],
): Classification["action"] => (stronger(one, other) === one ? one : other);

const ask = async (
  classifier: Classifier,
  text: string,
  context: Context,
): Promise<Classification[]> => {
  const parts = partsOf(text, classifier.maxUnits);
  if (parts.length > MAX_PARTS)
    throw new ClassifierError(classifier.name, `more than ${MAX_PARTS} parts of a text`);
  // On Node 20, what AbortSignal.any makes of an AbortSignal.timeout that nobody else holds never
  // fires once the garbage collector has run.
  const ending = new TurnSignal();
  const end = (): void => ending.abort();
  const timer = setTimeout(end, DEADLINE_MS);
  context.signal.abortSignal.addEventListener("abort", end);
  if (context.signal.aborted) end();
  try {
    const said: Classification[] = [];
    for (const part of parts) {
      const judged = await classifier.classify(part, { ...context, signal: ending });
      said.push(judged);
      if (judged.action === "block") break;
    }
    return said;
  } finally {
    clearTimeout(timer);
    context.signal.abortSignal.removeEventListener("abort", end);
  }
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
