import { leadsElsewhere } from "../link-words.ts";
import { type MarkdownForm, renderMarkdown } from "../markdown.ts";
import { isOnlyWords } from "../only-words.ts";
import { escapeText } from "./escape.ts";
import { FENCE, LINK, MARKS, settle, styled, wordsOf } from "./markup.ts";
import { tableText } from "./table.ts";

/**
 * Markdown in Slack's own form. Nothing that is said becomes a mention, a link or markup that the
 * Markdown does not have: `&`, `<` and `>` are escaped, and a mark that is meant literally gets an
 * invisible character that keeps it one.
 * @see https://docs.slack.dev/messaging/formatting-message-text
 */
export const toMrkdwn = (markdown: string): string =>
  isOnlyWords(markdown)
    ? markdown
    : settle(renderMarkdown(markdown.replace(/\r\n?/g, "\n").replace(UNSEEN, ""), FORM));

// Control characters, and those that hold markup until everything around it is known.
const UNSEEN = /[^\P{Cc}\t\n]|[\ufdd0-\ufdef]/gu;

const link = (label: string, url: string): string => {
  if (!LINKED.test(url) || url.length > MAX_URL) {
    return label === "" ? literal(url) : `${label} (${literal(url)})`;
  }
  const address = escapeText(url.replace(UNSAFE_IN_URL, encodeURIComponent));
  const words = wordsOf(label).replace(/\n/g, " ").trim();
  if (words === "" || words === address) return LINK.open + address + LINK.close;
  // Words that look like an address must not lead elsewhere.
  if (LOOKS_LIKE_URL.test(words) || leadsElsewhere(words, url))
    return `${words} (${LINK.open}${address}${LINK.close})`;
  const kept = label.includes(LINK.open) ? words : label.replace(/\n/g, " ");
  return LINK.open + address + LINK.bar + kept + LINK.close;
};

const LINKED = /^(?:https?:\/\/|mailto:)[^\s]/i;
const MAX_URL = 2_000;
const UNSAFE_IN_URL = /[\s<>|"`\\^{}]/g;
const LOOKS_LIKE_URL = /^(?:[a-z][a-z0-9+.-]*:\/\/|www\.)\S+$/i;

const BARE_URL = /https?:\/\/[^\s<>|"`，。、；：！？（）「」『』【】《》“”‘’]+/gi;

/** What is said, with the addresses in it as links. */
const text = (characters: string): string => {
  if (!characters.includes("://")) return literal(characters);
  let rendered = "";
  let end = 0;
  for (const { 0: found, index } of characters.matchAll(BARE_URL)) {
    const url = withoutTail(found);
    rendered += literal(characters.slice(end, index)) + link("", url);
    end = index + url.length;
  }
  return rendered + literal(characters.slice(end));
};

/** An address without the punctuation of the sentence that it ends. */
const withoutTail = (url: string): string => {
  const bare = url.replace(/[.,;:!?'*_~\]}]{1,16}$/, "");
  return bare.endsWith(")") && !bare.includes("(") ? withoutTail(bare.slice(0, -1)) : bare;
};

// A mark opens something where a word could begin and something follows at once.
const OPENING_MARK = /(?<=^|[\s!-/:-@[-`{-~])[*_~`](?=\S)/gm;
const QUOTE_MARK = /^(?=&gt;)/gm;
/** Joins without being seen: Slack takes a mark behind it for a character of a word. */
const WORD_JOINER = "\u2060";

const literal = (characters: string): string =>
  escapeText(
    /[*_~`]/.test(characters) ? characters.replace(OPENING_MARK, `${WORD_JOINER}$&`) : characters,
  ).replace(QUOTE_MARK, WORD_JOINER);

const code = (characters: string): string =>
  characters.includes("`")
    ? FENCE.open + fenced(characters) + FENCE.close
    : `\`${escapeText(characters)}\``;

const codeBlock = (characters: string): string =>
  `${FENCE.open}\n${fenced(characters)}\n${FENCE.close}`;

/** Code between fences must not end them. */
const fenced = (characters: string): string =>
  escapeText(
    characters.replace(/`(?=``)/g, `$&${WORD_JOINER}`).replace(/(?<=``)`/g, `${WORD_JOINER}$&`),
  );

/** Changes what is not code: an indented or quoted fence would show the marks within the code. */
const outsideFences = (rendered: string, change: (lines: string) => string): string =>
  rendered
    .split(new RegExp(`(${FENCE.open}[^${FENCE.close}]*${FENCE.close})`))
    .map((piece, index) => (index % 2 === 0 ? change(piece) : piece))
    .join("");

const FORM: MarkdownForm = {
  text,
  strong: (inner) => styled(MARKS.strong, inner),
  emphasis: (inner) => styled(MARKS.emphasis, inner),
  strike: (inner) => styled(MARKS.strike, inner),
  code,
  codeBlock,
  link,
  image: (label, url) => link(label, url),
  heading: (inner) => styled(MARKS.strong, inner),
  quote: (inner) => outsideFences(inner, (lines) => lines.replace(/^(?:> )?(?=.)/gm, "> ")),
  // There are no lists; white space at the beginning of a line is shown.
  item: (marker, inner) => {
    const bullet = marker === "-" ? "•" : marker;
    const hung = outsideFences(inner, (lines) => lines.replace(/\n(?=.)/g, "\n    "));
    return `${bullet}${inner.startsWith(FENCE.open) ? "\n" : " "}${hung}`;
  },
  table: (rows) => tableText(rows, codeBlock),
  rule: "———",
};
