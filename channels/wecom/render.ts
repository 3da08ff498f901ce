import type { Answer, Refusal } from "../../core/contract/reply.ts";
import { filePart } from "./file-part.ts";
import { linkCard } from "./link-card.ts";
import { fromMarkdown } from "./markdown.ts";
import { type Outgoing, toBody } from "./outgoing.ts";
import { splitText } from "./split.ts";
import { cardInWords, templateCard } from "./template-card.ts";

/**
 * Longest `content` of a text or markdown message, in bytes of UTF-8; the platform cuts what is longer.
 * @see https://developer.work.weixin.qq.com/document/path/90236
 */
export const MAX_TEXT_BYTES = 2048;

/**
 * The reply as bodies that WeCom takes: its text in parts, then its card, then its files.
 * @param isUpdate the card takes the place of one that was clicked: only a template card can
 */
export const render = (reply: Answer | Refusal, isUpdate = false): readonly string[] => {
  const parts = [
    ...cardParts(reply, isUpdate),
    ...filesOf(reply).flatMap((file) => textParts(filePart(file))),
  ];
  return reply.markdown === "" && parts.length > 0 ? parts : [...saidParts(reply), ...parts];
};

/** What no card shows is said in words; a refusal ends with its code and has no markup. */
const saidParts = (reply: Answer | Refusal): readonly string[] =>
  reply.kind === "refusal" || reply.isVerbatim
    ? textParts({ kind: "text", text: reply.markdown })
    : markedUpParts(reply.markdown);

/** The plain text stands for the whole, so it goes with no part of a longer one. */
const markedUpParts = (said: string): readonly string[] => {
  const shown = fromMarkdown(withoutNotXml(said));
  if (shown.kind === "text") return textParts(shown);
  const parts = textParts({ kind: "markdown", text: shown.text });
  return parts.length > 1 ? parts : textParts(shown);
};

const cardParts = (reply: Answer | Refusal, isUpdate: boolean): readonly string[] => {
  const card = reply.kind === "text" ? reply.card : undefined;
  if (!card) return [];
  const inWords = () => markedUpParts(cardInWords(card));
  const link = isUpdate ? undefined : linkCard(card);
  if (link) return link === "too long" ? inWords() : [toBody(link)];
  const shown = templateCard(card, isUpdate);
  return shown ? [toBody({ kind: "card", card: shown })] : inWords();
};

const filesOf = (reply: Answer | Refusal) => (reply.kind === "text" ? (reply.files ?? []) : []);

/** Joined, texts are what was said; other parts are as they are. */
const textParts = (outgoing: Outgoing): readonly string[] =>
  outgoing.kind === "text" || outgoing.kind === "markdown"
    ? splitText(withoutNotXml(outgoing.text), MAX_TEXT_BYTES).map((text) =>
        toBody({ ...outgoing, text }),
      )
    : [toBody(outgoing)];

const withoutNotXml = (text: string): string => text.replace(NOT_XML, "");

// Control characters but tab, line feed, carriage return and those from U+007F on, which XML 1.0
// allows; lone surrogates; the two noncharacters. https://www.w3.org/TR/xml/#charsets
const NOT_XML = /[^\P{Cc}\t\n\r\u007f-\u009f]|[\p{Cs}\ufffe\uffff]/gu;
