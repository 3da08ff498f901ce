import { wellFormedJson } from "../well-formed-json.ts";

/** One thing that is sent, as it is stored until then. */
export type Outgoing =
  /** Slack's own form. */
  | { readonly kind: "mrkdwn"; readonly text: string }
  /** Somebody's text, escaped: no mark in it is one. */
  | { readonly kind: "verbatim"; readonly text: string }
  /** `text` is the card in words. */
  | { readonly kind: "card"; readonly text: string; readonly blocks: readonly object[] }
  /** `data` is Base64. */
  | { readonly kind: "file"; readonly name: string; readonly data: string };

const LETTERS = { mrkdwn: "m", verbatim: "v" } as const;

/** A text is stored as it is, behind one letter; everything else as JSON. */
export const toBody = (outgoing: Outgoing): string =>
  outgoing.kind === "mrkdwn" || outgoing.kind === "verbatim"
    ? `${LETTERS[outgoing.kind]}${outgoing.text.toWellFormed()}`
    : wellFormedJson(outgoing);

/** What `toBody` was given. */
export const fromBody = (body: string): Outgoing => {
  if (body.startsWith("m")) return { kind: "mrkdwn", text: body.slice(1) };
  if (body.startsWith("v")) return { kind: "verbatim", text: body.slice(1) };
  return JSON.parse(body) as Outgoing;
};
