import type { Content } from "./contract/message.ts";

/**
 * What a model is asked: the person's own words; what they point at is kept apart from them, so that
 * somebody else's words are not taken for theirs.
 */
export const promptOf = (content: Extract<Content, { kind: "text" }>): string => {
  const { text, quote, attachments = [] } = content;
  if (quote === undefined && attachments.length === 0) return text;
  return [
    ...(quote === undefined ? [] : [quoted(quote)]),
    ...(text === "" ? [] : [text]),
    ...attachments.map(({ kind, name }) => `[${kind}: ${oneLine(name)}]`),
  ].join("\n");
};

const quoted = (text: string): string =>
  text
    .split(/\r\n|[\r\n\u2028\u2029]/u)
    .map((line) => `> ${line}`)
    .join("\n");

/** A name cannot pretend to be more than a name. */
const oneLine = (name: string): string => name.replace(/[\p{C}\p{Zl}\p{Zp}[\]]+/gu, " ").trim();
