import type { ReplyTarget } from "../../core/contract/message.ts";
import type { Answer, OutgoingFile, Refusal } from "../../core/contract/reply.ts";
import { cardBlocks, cardInWords, fitted } from "./blocks.ts";
import { escapeText } from "./escape.ts";
import { toMrkdwn } from "./mrkdwn.ts";
import { type Outgoing, toBody } from "./outgoing.ts";
import { splitText } from "./split.ts";
import { readTarget } from "./target.ts";

/**
 * Longest text of a message, in UTF-16 units; of more than that Slack shows the beginning only.
 * @see https://docs.slack.dev/reference/methods/chat.postMessage
 */
export const MAX_TEXT = 4_000;

/**
 * The reply as bodies that Slack takes: its text in parts, then its card, then its files. A card that
 * takes the place of one that was clicked does not say again what was said before that.
 */
export const render = (reply: Answer | Refusal, target?: ReplyTarget): readonly string[] => {
  const { card = undefined, files = [] } = reply.kind === "text" ? reply : {};
  const isClick = target?.cardToken !== undefined && readTarget(target)?.cardTs !== undefined;
  const others = [
    ...(card ? cardParts(card, isClick).map(toBody) : []),
    ...files.flatMap((file) => filePart(file).map(toBody)),
  ];
  const isUnsaid = reply.markdown === "" && others.length > 0;
  return isUnsaid ? others : [...textParts(reply).map(toBody), ...others];
};

const textParts = (reply: Answer | Refusal): readonly Outgoing[] => {
  const isVerbatim = reply.kind === "refusal" || reply.isVerbatim === true;
  if (!isVerbatim) {
    const parts = splitText(toMrkdwn(reply.markdown), MAX_TEXT);
    return parts.map((text) => ({ kind: "mrkdwn", text }));
  }
  return splitVerbatim(reply.markdown).map((text) => ({ kind: "verbatim", text }));
};

const splitVerbatim = (characters: string): readonly string[] =>
  splitText(escapeText(characters), MAX_TEXT, false);

/** What no card holds is said before it. */
const cardParts = (card: NonNullable<Answer["card"]>, isClick: boolean): readonly Outgoing[] => {
  const { overflow, shown } = fitted(card);
  const [text = ""] = splitText(cardInWords(shown), MAX_TEXT);
  const before = overflow === "" || isClick ? [] : splitText(overflow, MAX_TEXT);
  return [
    ...before.map((said): Outgoing => ({ kind: "mrkdwn", text: said })),
    { kind: "card", text, blocks: cardBlocks(shown) },
  ];
};

const filePart = ({ name, bytes }: OutgoingFile): readonly Outgoing[] =>
  // An empty file is refused; that it is there and empty can still be said.
  bytes.length === 0
    ? splitVerbatim(`📎 ${name}: 0 B`).map((text) => ({ kind: "verbatim", text }))
    : [{ kind: "file", name, data: bytes.toString("base64") }];
