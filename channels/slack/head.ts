/** Of a text that grows, what one message shows before it is whole. */
const MAX_HEAD = 3_000;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The beginning of an answer, as much as grows in one message; the rest comes when it is whole. */
export const headOf = (markdown: string): string => {
  if (markdown.length <= MAX_HEAD) return markdown;
  const near = markdown.slice(MAX_HEAD - 256, MAX_HEAD + 64);
  const border = graphemes.segment(near).containing(256)?.index ?? 256;
  return markdown.slice(0, MAX_HEAD - 256 + border);
};

/**
 * Markdown for a stream, which Slack itself turns into its form: an invisible character keeps it
 * from calling anybody. What was shown stays the beginning of what is shown next.
 */
export const streamText = (markdown: string): string =>
  headOf(markdown)
    .replace(/<(?=[!@#])/g, "<\u2060")
    .replace(/@(?=[che])/gi, "@\u2060");
