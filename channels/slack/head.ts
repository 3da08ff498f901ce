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
  headOf(markdown).replace(REFERENCE, "$&\u2060").replace(BROADCAST, "$&\u2060");

// Also written as entities, and with what follows escaped: Markdown says the same by them. Addresses
// in angle brackets stay.
const REFERENCE = /(?:<|&lt;?|&#0{0,8}60;?|&#x0{0,8}3c;?)(?=[^hm\s])/gi;
const BROADCAST = /(?:@|&commat;|&#0{0,8}64;?|&#x0{0,8}40;?)(?=[che])/gi;
