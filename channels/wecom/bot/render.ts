import type { Answer, Refusal } from "../../../core/contract/reply.ts";
import { markdownKinds } from "../../markdown.ts";
import { filePart } from "../file-part.ts";
import { type Outgoing, toBody } from "../outgoing.ts";
import { splitText } from "../split.ts";
import { cardInWords, templateCard } from "../template-card.ts";
import { wholeFences } from "./fences.ts";
import { MORE_FOLLOWS } from "./words.ts";

/**
 * Longest Markdown that a stream or a response URL takes, in bytes of UTF-8.
 * @see https://developer.work.weixin.qq.com/document/path/101031
 */
export const MAX_MARKDOWN_BYTES = 20_480;

// What may have to be said around a part: that more follows, and the fences of code that was cut.
const MAX_PART_BYTES = MAX_MARKDOWN_BYTES - 512;

/**
 * The reply as bodies that a bot can send: its text in parts, then its card, then its files.
 * Markdown stays what it is, for a bot's answers show all of it, tables and code too.
 */
export const renderForBot = (reply: Answer | Refusal): readonly string[] => {
  const rest = [...cardParts(reply), ...filesOf(reply).map(filePart)];
  const texts = reply.markdown === "" && rest.length > 0 ? [] : textParts(reply);
  const parts = [...texts, ...rest];
  return parts.map((part, index) =>
    toBody(index < parts.length - 1 && isText(part) ? { ...part, hasMore: true } : part),
  );
};

/**
 * A text, as Markdown that shows it. Pictures become links: to show one would fetch its address, and
 * whatever an answer was tricked into writing there, without a click.
 */
export const inMarkdown = (part: Extract<Outgoing, { kind: "text" | "markdown" }>): string =>
  part.kind === "markdown" ? withoutPictures(part.text) : verbatim(part.text);

/** The first part of an answer that is still growing. */
export const headOf = (markdown: string): string => {
  // No character is less than a byte: the first part is within as many characters.
  const said = markdown.slice(0, MAX_MARKDOWN_BYTES).replace(NOT_SHOWN, "");
  return withoutPictures(wholeFences(splitText(said, MAX_PART_BYTES))[0] ?? "");
};

/** With what is to be said when the rest cannot come by itself. */
export const withMoreFollows = (markdown: string): string => `${markdown}\n\n${MORE_FOLLOWS}`;

const withoutPictures = (markdown: string): string =>
  markdownKinds(markdown).has("image") ? markdown.replace(/!\[/g, "[") : markdown;

const textParts = (reply: Answer | Refusal): readonly Outgoing[] => {
  const said = reply.markdown.replace(NOT_SHOWN, "");
  const parts = splitText(said, MAX_PART_BYTES);
  return reply.kind === "refusal" || reply.isVerbatim
    ? parts.map((text) => ({ kind: "text", text }))
    : wholeFences(parts).map((text) => ({ kind: "markdown", text }));
};

const cardParts = (reply: Answer | Refusal): readonly Outgoing[] => {
  const card = reply.kind === "text" ? reply.card : undefined;
  if (!card) return [];
  // Only a click brings a decision, and a card with its id is also taken where it is a new one.
  const shown = templateCard(card, true);
  return [shown ? { kind: "card", card: shown } : { kind: "markdown", text: cardInWords(card) }];
};

const filesOf = (reply: Answer | Refusal) => (reply.kind === "text" ? (reply.files ?? []) : []);

const isText = (part: Outgoing): part is Extract<Outgoing, { kind: "text" | "markdown" }> =>
  part.kind === "text" || part.kind === "markdown";

/** Escaped only where it would be taken for markup, and where that fits. */
const verbatim = (text: string): string => {
  if (markdownKinds(text).size === 0) return text;
  const escaped = text.replace(/[\\`*_~[\]#>|-]/g, "\\$&");
  return Buffer.byteLength(escaped) <= MAX_PART_BYTES ? escaped : text;
};

// The same as an application's texts can hold: control characters but tab and line ends, lone
// surrogates and noncharacters are none of anybody's words.
const NOT_SHOWN = /[^\P{Cc}\t\n\r\u007f-\u009f]|[\p{Cs}\ufffe\uffff]/gu;
