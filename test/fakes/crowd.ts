import { setTimeout as delay } from "node:timers/promises";
import type { OpenAiServer } from "./openai-server.ts";

/** A question that a crowd's model answers in a way that the question itself says. */
export interface Question {
  readonly user: string;
  readonly text: string;
  readonly answer: string;
}

/**
 * How an answer comes: soon enough for the callback's response, too late for it, too long for it
 * (three parts), or so slowly that a process which does not renew its lease would lose the turn.
 */
export type Pace = "soon" | "late" | "long" | "slow";

const AFTER_MS: Readonly<Record<Pace, number>> = {
  soon: 100,
  late: 1_300,
  long: 100,
  slow: 35_000,
};

/** One question; `id` tells it and its answer from all others. */
export const question = (user: string, id: string, pace: Pace): Question => {
  const text = `${pace} ${user}-${id}`;
  return { user, text, answer: answerTo(text) };
};

/** One question from each of so many people, every pace as often. */
export const crowd = (size: number): readonly Question[] => {
  const paces = ["soon", "late", "long"] as const;
  return Array.from({ length: size }, (_, index) =>
    question(`person${index}`, "1", paces[index % paces.length] ?? "soon"),
  );
};

/** Makes the stand-in of a model server answer questions of a crowd. */
export const answerCrowd = (model: OpenAiServer): void => {
  model.otherwise(async ({ body }) => {
    const text = askedIn(body);
    await delay(AFTER_MS[paceOf(text)]);
    return { kind: "text", text: answerTo(text) };
  });
};

/** How often the model was asked each question. */
export const timesAsked = (model: OpenAiServer): ReadonlyMap<string, number> => {
  const times = new Map<string, number>();
  for (const { body } of model.requests) {
    const text = askedIn(body);
    times.set(text, (times.get(text) ?? 0) + 1);
  }
  return times;
};

const askedIn = (body: Readonly<Record<string, unknown>>): string => {
  const messages = body.messages as readonly { readonly content: unknown }[];
  return String(messages.at(-1)?.content);
};

const paceOf = (text: string): Pace => {
  const [pace] = text.split(" ");
  if (pace === "soon" || pace === "late" || pace === "long" || pace === "slow") return pace;
  throw new Error(`not a question of a crowd: ${text}`);
};

/** Long ones take three texts of WeCom's 2048 bytes. */
const answerTo = (text: string): string => {
  const lines = paceOf(text) === "long" ? 100 : 1;
  return Array.from(
    { length: lines },
    (_, line) => `${text}: line ${line + 1} of ${lines}${lines > 1 ? " of this answer" : ""}.\n`,
  ).join("");
};
