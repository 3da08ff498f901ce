import type { Card, CardButton, CardSelect } from "../../core/contract/card.ts";
import { buttonActionId, buttonsBlockId, selectActionId, selectBlockId } from "./card-ids.ts";
import { escapeText } from "./escape.ts";
import { toMrkdwn } from "./mrkdwn.ts";
import { splitText } from "./split.ts";

// What is longer refuses the whole message.
// https://docs.slack.dev/reference/block-kit/blocks
const MAX_TITLE = 150;
const MAX_SECTION = 3_000;
const MAX_FIELD = 2_000;
const MAX_LABEL = 75;
const MAX_FIELD_VALUE = 400;

/**
 * A card that can be shown whole, in one section and in words, and what has to be said before it
 * because it is too long for that: Slack's form, empty where everything fits.
 */
export const fitted = (card: Card): { readonly overflow: string; readonly shown: Card } => {
  const fields = card.fields.filter(isShort);
  const long = card.fields.filter((field) => !isShort(field)).map(fieldInWords);
  const text = card.text === undefined ? "" : toMrkdwn(card.text);
  const isTooLong = text.length > MAX_SECTION - SPARE;
  const { text: _, ...rest } = card;
  return {
    overflow: [...(isTooLong ? [text] : []), ...long].join("\n"),
    shown: { ...rest, fields, ...(card.text !== undefined && !isTooLong && { text: card.text }) },
  };
};

/** Markup that a part reopens where it is cut. */
const SPARE = 100;

const isShort = ({ label, value }: Card["fields"][number]): boolean =>
  label.length <= MAX_LABEL && value.length <= MAX_FIELD_VALUE;

const fieldInWords = ({ label, value }: Card["fields"][number]): string =>
  `*${escapeText(label)}*: ${escapeText(value)}`;

/** A card as blocks; the buttons and choices are gone once there is a status. */
export const cardBlocks = (card: Card): readonly object[] => {
  const isOpen = card.status === undefined;
  return [
    { type: "header", text: plain(card.title, MAX_TITLE) },
    ...sections(card.text === undefined ? "" : toMrkdwn(card.text)),
    ...(card.fields.length > 0 ? [{ type: "section", fields: card.fields.map(fieldOf) }] : []),
    ...(card.imageUrl === undefined
      ? []
      : [{ type: "image", image_url: card.imageUrl, alt_text: cut(card.title, MAX_TITLE) }]),
    ...(card.link ? sections(toMrkdwn(linkOf(card.link))) : []),
    ...(isOpen ? card.selects.map((select) => selectOf(card, select)) : []),
    ...(isOpen && card.buttons.length > 0
      ? [
          {
            type: "actions",
            block_id: buttonsBlockId(card.id),
            elements: card.buttons.map(buttonOf),
          },
        ]
      : []),
    ...(card.status === undefined ? [] : sections(`*${escapeText(card.status)}*`)),
  ];
};

/** A card in words: for notifications, for those who see no blocks, and where Slack takes none. */
export const cardInWords = (card: Card): string =>
  [
    `*${escapeText(card.title)}*`,
    ...(card.text === undefined ? [] : [toMrkdwn(card.text)]),
    ...card.fields.map(({ label, value }) => escapeText(`${label}: ${value}`)),
    ...(card.link ? [toMrkdwn(linkOf(card.link))] : []),
    ...(card.status === undefined ? [] : [escapeText(card.status)]),
  ].join("\n");

const linkOf = ({ label, url }: { readonly label: string; readonly url: string }): string =>
  `[${label.replace(/[[\]\\]/g, "\\$&")}](<${url.replace(/[<>\s]/g, encodeURIComponent)}>)`;

const sections = (text: string): readonly object[] =>
  text.trim() === ""
    ? []
    : splitText(text, MAX_SECTION).map((part) => ({
        type: "section",
        text: { type: "mrkdwn", text: part },
      }));

const fieldOf = ({ label, value }: Card["fields"][number]) => ({
  type: "mrkdwn",
  text: `*${escapeText(cut(label, MAX_LABEL))}*\n${escapeText(cut(value, MAX_FIELD_VALUE))}`,
});

const buttonOf = ({ id, label, style }: CardButton) => ({
  type: "button",
  action_id: buttonActionId(id),
  text: plain(label, MAX_LABEL),
  ...(style !== undefined && { style }),
});

const selectOf = (card: Card, { id, label, isMultiple, options }: CardSelect) => ({
  type: "section",
  block_id: selectBlockId(card.id, id),
  text: { type: "mrkdwn", text: escapeText(cut(label, MAX_FIELD / 5)) },
  accessory: {
    type: isMultiple ? "multi_static_select" : "static_select",
    action_id: selectActionId(id, card.buttons.length === 0),
    placeholder: plain(label, MAX_TITLE),
    options: options.map((option) => ({ value: option.id, text: plain(option.label, MAX_LABEL) })),
  },
});

/** Empty texts are refused. */
const plain = (text: string, most: number) => ({
  type: "plain_text",
  text: cut(text, most) || "–",
  emoji: false,
});

/** At most so many UTF-16 units, without cutting through a visible character. */
const cut = (text: string, most: number): string => {
  if (text.length <= most) return text;
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (kept.length + segment.length >= most) break;
    kept += segment;
  }
  return `${kept}…`;
};
