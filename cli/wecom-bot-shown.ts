import { cardText } from "./wecom-shown.ts";

/** What a person sees of one answer of an intelligent bot. */
export interface BotShown {
  readonly text: string;
  /** Of a stream, which may still grow; the next answer takes the place of this one. */
  readonly streamId?: string;
  readonly isFinished: boolean;
}

/** Reads an answer to a callback or on a long connection; undefined when it is none that a person sees. */
export const shownOf = (answer: object): BotShown | undefined => {
  const { stream, text, markdown, template_card: card, response_type } = answer as BotAnswer;
  const cards = card ? [cardText(card)] : [];
  if (stream) {
    const lines = [stream.content, ...cards].filter((line) => line !== "");
    return { text: lines.join("\n"), streamId: stream.id, isFinished: stream.finish };
  }
  if (card) {
    const head = response_type === "update_template_card" ? ["[the card is now]"] : [];
    return { text: [...head, ...cards].join("\n"), isFinished: true };
  }
  const said = (text ?? markdown)?.content;
  return said === undefined ? undefined : { text: said, isFinished: true };
};

/** As the gateway builds it; it has just been found to be signed by it. */
interface BotAnswer {
  readonly stream?: { readonly id: string; readonly finish: boolean; readonly content: string };
  readonly text?: { readonly content: string };
  readonly markdown?: { readonly content: string };
  readonly template_card?: Readonly<Record<string, unknown>>;
  readonly response_type?: string;
}
