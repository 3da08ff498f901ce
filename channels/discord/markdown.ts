import { leadsElsewhere } from "../link-words.ts";
import { type MarkdownForm, renderMarkdown } from "../markdown.ts";
import { isOnlyWords } from "../only-words.ts";

/**
 * An answer in Discord's flavour of Markdown: what it knows stays, what it does not know is made
 * readable, and what only looks like markup or like a mention is shown as the characters that it is.
 * @see https://support.discord.com/hc/en-us/articles/210298617
 */
export const toDiscordMarkdown = (markdown: string): string =>
  isOnlyWords(markdown) ? markdown : renderMarkdown(markdown, DISCORD);

/**
 * Characters as Discord shows them, wherever in a line they stand. Addresses stay as they are:
 * nothing in them is markup, and a backslash would be part of them.
 */
export const escapeMarkdown = (text: string): string =>
  text
    .split(ADDRESS)
    .map((piece, place) => (place % 2 === 1 ? piece : escapePiece(piece)))
    .join("");

/** A text in which nobody is called: a mark that is not seen parts what would be a mention. */
export const withoutMentions = (text: string): string =>
  text
    .replace(/@(?=everyone|here)/gi, `@${UNSEEN}`)
    .replace(/<(?=@[!&]?\d|#\d|a?:\w+:\d|t:-?\d|id:|\/)/gi, `<${UNSEEN}`);

// One group, so that every second piece is an address.
const ADDRESS = /(\bhttps?:\/\/[^\s<>]*[^\s<>.,:;"'\]*_~|`)!?。，、；：）])/;

const UNSEEN = "\u200b";

const escapePiece = (text: string): string =>
  withoutMentions(text)
    // A backslash is one where a letter, a digit or a space comes after it.
    .replace(/\\(?![0-9A-Za-z\s])/g, "\\\\")
    .replace(/[*`]/g, "\\$&")
    // Inside a word it marks nothing.
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
    .replace(/~(?=~)|(?<=~)~/g, "\\~")
    .replace(/\|(?=\|)|(?<=\|)\|/g, "\\|")
    // A link begins with its bracket, which an escape of the other one would not undo.
    .replace(text.includes("](") ? /\[/g : /\[(?![^\]]*\])/g, "\\[")
    .replace(/^([ \t]*)(#{1,3}(?=\s)|-#(?=\s)|[-+](?=\s)|>{1,3}(?=\s))/gm, "$1\\$2")
    .replace(/^([ \t]*\d+)\.(?=\s)/gm, "$1\\.");

/** Three backticks end a block wherever they stand. */
const inBlock = (code: string): string => code.replace(/`(?=``)/g, `\`${UNSEEN}`);

const inlineCode = (code: string): string => {
  if (!code.includes("`")) return `\`${code}\``;
  return code.includes("``")
    ? `\`\` ${code.replace(/`(?=`)/g, `\`${UNSEEN}`)} \`\``
    : `\`\` ${code} \`\``;
};

const strong = (inner: string): string =>
  inner === "" || inner.includes("**") ? inner : `**${inner}**`;

/** A link that Discord shows as one: its label must be no address itself. */
const link = (label: string, url: string): string => {
  if (!/^https?:\/\/[^\s]+$/i.test(url)) {
    const shown = escapeMarkdown(url);
    return label === "" || label === shown ? shown : `${label} (${shown})`;
  }
  const address = url.replace(/[()<>]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
  if (label === "" || label === url || label === escapeMarkdown(url)) return address;
  const isShownBeside =
    /:\/\/|[[\]\n]/.test(label) || leadsElsewhere(label.replace(/[\\*~]/g, ""), url);
  return isShownBeside ? `${label} (${address})` : `[${label}](${address})`;
};

/** Each row under its first cell: code blocks would keep columns, but break on phones and show no bold. */
const table = (rows: readonly (readonly string[])[]): string => {
  const [header = [], ...body] = rows;
  const labelled = (cell: string, place: number): string => {
    const label = header[place] ?? "";
    return label === "" ? cell : `${label}: ${cell}`;
  };
  if (body.length === 0) return strong(header.join(" · "));
  if (header.length < 2) return [strong(header.join("")), ...body.flat().map(bullet)].join("\n");
  return body
    .map(([first = "", ...cells]) =>
      [strong(labelled(first, 0)), ...cells.map((cell, place) => bullet(labelled(cell, place + 1)))]
        .filter((line) => line !== "")
        .join("\n"),
    )
    .join("\n");
};

const bullet = (inner: string): string => `- ${inner}`;

const DISCORD: MarkdownForm = {
  text: escapeMarkdown,
  strong,
  emphasis: (inner) => (inner === "" ? "" : `*${inner}*`),
  strike: (inner) => (inner === "" ? "" : `~~${inner}~~`),
  code: inlineCode,
  codeBlock: (code, language) => `\`\`\`${language}\n${inBlock(code)}\n\`\`\``,
  link,
  image: (label, url) => link(label, url),
  // There are three depths.
  heading: (inner, depth) => (depth <= 3 ? `${"#".repeat(depth)} ${inner}` : strong(inner)),
  quote: (inner) => inner.replace(/^/gm, "> "),
  item: (marker, inner) => `${marker} ${inner.replace(/\n(?=.)/g, "\n  ")}`,
  table,
  rule: "———",
};
