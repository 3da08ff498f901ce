// Lines of words, none of which begins as a list, a heading or the line under one does. In the
// middle of a line these signs mark nothing, in Markdown or in what any platform makes of it.
const LINE = String.raw`\p{L}[\p{L}\p{M}\p{N} ,.:;!?'"()，。：；！？、“”‘’（）…-]*(?<! )`;
// In a text of millions of lines the expression runs out of stack; the reader takes any.
const MOST_UNITS = 100_000;
const ONLY_WORDS = new RegExp(`^${LINE}(?:\\n+${LINE})*$`, "u");

/**
 * Whether a text says the same whether it is read as Markdown or as it stands: nothing in it is a
 * mark, an address or an entity. Reading it would find that out at twenty times the cost.
 */
export const isOnlyWords = (markdown: string): boolean =>
  markdown.length <= MOST_UNITS && ONLY_WORDS.test(markdown);
