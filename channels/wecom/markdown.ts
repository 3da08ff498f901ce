import {
  kindsIn,
  type MarkdownForm,
  mayBeMarkedUp,
  readMarkdown,
  renderRead,
} from "../markdown.ts";
import type { Outgoing } from "./outgoing.ts";
import { hangingItem, PLAIN, tableInWords } from "./plain-text.ts";

// What WeCom's own Markdown can show; everything else is made readable as text.
// https://developer.work.weixin.qq.com/document/path/90236
const SHOWN = ["heading", "strong", "link", "code", "blockquote"] as const;

/**
 * An answer in the form that shows it best: as it is where there is no markup, as plain text where
 * WeCom could show none of it, else in WeCom's Markdown and as plain text too. That is never longer,
 * and taken from the Markdown itself: in what WeCom is given, code is no longer told from text.
 */
export const fromMarkdown = (markdown: string): Extract<Outgoing, { text: string }> => {
  if (!mayBeMarkedUp(markdown)) return { kind: "text", text: markdown };
  const read = readMarkdown(markdown);
  const kinds = kindsIn(read);
  if (kinds.size === 0) return { kind: "text", text: markdown };
  const plain = renderRead(read, PLAIN);
  return SHOWN.some((kind) => kinds.has(kind))
    ? { kind: "markdown", text: renderRead(read, WECOM), plain }
    : { kind: "text", text: plain };
};

const WECOM: MarkdownForm = {
  text: (characters) => characters,
  strong: (inner) => `**${inner}**`,
  emphasis: (inner) => inner,
  strike: (inner) => inner,
  code: (characters) => `\`${characters}\``,
  // There are no fences; a quote keeps code apart and shows every line of it.
  codeBlock: (characters) => characters.replace(/^/gm, "> "),
  link: (label, url) => (label === "" || label === url ? url : `[${label}](${url})`),
  image: (label, url) => `[${label || url}](${url})`,
  heading: (inner, depth) => `${"#".repeat(depth)} ${inner}`,
  quote: (inner) => inner.replace(/^/gm, "> "),
  item: hangingItem,
  table: tableInWords,
  rule: "———",
};
