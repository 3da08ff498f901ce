import type { Span } from "./cover.ts";

/** Replaces every character of the hits by `*`; the rest of the text stays as it is, byte for byte. */
export const maskText = (text: string, hits: readonly Span[]): string => {
  let out = "";
  let at = 0;
  for (const { start, end } of [...hits].sort((one, other) => one.start - other.start)) {
    const from = Math.max(at, start);
    if (end <= from) continue;
    out += text.slice(at, from) + "*".repeat([...text.slice(from, end)].length);
    at = end;
  }
  return out + text.slice(at);
};
