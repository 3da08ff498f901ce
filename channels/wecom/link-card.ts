import type { Card } from "../../core/contract/card.ts";
import type { Outgoing } from "./outgoing.ts";
import { plainText } from "./plain-text.ts";

// Bytes of UTF-8; what is longer is cut or refused.
// https://developer.work.weixin.qq.com/document/path/90236
const MAX_TITLE_BYTES = 128;
const MAX_DESCRIPTION_BYTES = 512;
const MAX_URL_BYTES = 2048;
/** Characters on the button of a text card. */
const MAX_BUTTON = 4;

/**
 * A card that only leads somewhere, as an application sends it: a text card, or with a picture an
 * article. Both hold more than a template card's notice (26 and 112 characters), and every client
 * and every private installation knows them. Undefined where there is more on the card than that.
 */
export const linkCard = (
  card: Card,
): Extract<Outgoing, { kind: "card" }> | "too long" | undefined => {
  const { title, link, imageUrl } = card;
  const hasMore = card.buttons.length + card.selects.length + card.fields.length > 0;
  if (!link || hasMore || card.status !== undefined) return undefined;
  const common = { title, url: link.url };
  const urls = [link.url, imageUrl ?? ""];
  const isTooLong =
    bytes(title) > MAX_TITLE_BYTES || urls.some((url) => bytes(url) > MAX_URL_BYTES);
  const text = card.text === undefined ? [] : [plainText(card.text)];
  // An article has no button, and a text card's is a short one.
  const isOnButton = imageUrl === undefined && [...link.label].length <= MAX_BUTTON;
  const lines = [...text, ...(isOnButton && text.length > 0 ? [] : [link.label])].join("\n");
  const description = imageUrl === undefined ? asText(lines) : lines;
  if (isTooLong || bytes(description) > MAX_DESCRIPTION_BYTES) return "too long";
  if (imageUrl !== undefined) {
    const article = { ...common, description, picurl: imageUrl };
    return { kind: "card", type: "news", card: { articles: [article] } };
  }
  const button = isOnButton ? { btntxt: link.label } : {};
  return { kind: "card", type: "textcard", card: { ...common, description, ...button } };
};

const bytes = (text: string): number => Buffer.byteLength(text);

/** A text card takes `<div>` and `<br>` for markup: what looks like a tag is shown, and lines break. */
const asText = (text: string): string =>
  text.replace(/<(?=[a-z/!])/gi, "＜").replace(/\n/g, "<br>");
