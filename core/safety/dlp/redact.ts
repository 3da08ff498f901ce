import type { Finding } from "./finding.ts";

/** The text with `[type]` in the place of each finding; every other unit stays as it was. */
export const redact = (text: string, entities: readonly Finding[]): string => {
  let redacted = "";
  let from = 0;
  for (const { type, start, end } of entities) {
    redacted += `${text.slice(from, start)}[${type}]`;
    from = end;
  }
  return redacted + text.slice(from);
};
