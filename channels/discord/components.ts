import type { Card, CardButton, CardSelect } from "../../core/contract/card.ts";
import { writeCustomId } from "./custom-id.ts";
import { escapeMarkdown, toDiscordMarkdown, withoutMentions } from "./markdown.ts";
import type { CardMessage } from "./outgoing.ts";

// What fits, so that an embed keeps below its 6000 characters whatever is in it.
// https://discord.com/developers/docs/resources/message#embed-object-embed-limits
const MAX_TITLE = 256;
const MAX_DESCRIPTION = 2400;
const MAX_STATUS = 600;
const MAX_FIELD_NAME = 100;
const MAX_FIELD_VALUE = 250;
// https://discord.com/developers/docs/components/reference
const MAX_BUTTON_LABEL = 80;
const MAX_OPTION_LABEL = 100;
const MAX_PLACEHOLDER = 150;
const ACTION_ROW = 1;
const BUTTON = 2;
const STRING_SELECT = 3;
const STYLES = { primary: 1, danger: 4 } as const;
const SECONDARY = 2;
const LINK = 5;

/**
 * A card as an embed with components. `overflow` is text that no embed holds, to be said before it.
 * What is decided has a status and nothing to click any more.
 */
export const cardMessage = (
  card: Card,
): { readonly overflow: string | undefined; readonly message: CardMessage } => {
  const aliases: Record<string, string> = {};
  const customId = (kind: "button" | "choice" | "pick", id: string): string => {
    const written = writeCustomId({ kind, cardId: card.id, id });
    if (written.id !== written.full) aliases[written.id] = written.full;
    return written.id;
  };
  const text = descriptionOf(card);
  const fits = text.length <= MAX_DESCRIPTION;
  const status = statusOf(card);
  const description = [fits ? text : "", status].filter(Boolean).join("\n\n");
  const components = componentsOf(card, customId);
  return {
    overflow: fits ? undefined : text,
    message: {
      kind: "card",
      embed: {
        title: cut(withoutMentions(card.title), MAX_TITLE),
        ...(description !== "" && { description }),
        ...(card.link && { url: card.link.url }),
        ...(card.imageUrl !== undefined && { image: { url: card.imageUrl } }),
        fields: card.fields.filter(isShort).map(({ label, value }) => ({
          name: visible(escapeMarkdown(label)),
          value: visible(escapeMarkdown(value)),
          inline: true,
        })),
      },
      components,
      words: cardInWords(card),
      ...(Object.keys(aliases).length > 0 && { aliases }),
    },
  };
};

/** A card in words, in Discord's Markdown: for where embeds are not allowed. */
const cardInWords = (card: Card): string =>
  [
    `**${escapeMarkdown(card.title)}**`,
    ...(card.text === undefined ? [] : [toDiscordMarkdown(card.text)]),
    ...card.fields.map(fieldInWords),
    ...(card.link ? [`${escapeMarkdown(card.link.label)}: ${card.link.url}`] : []),
    ...(card.status === undefined ? [] : [statusOf(card)]),
  ].join("\n");

const statusOf = ({ status }: Card): string =>
  status === undefined ? "" : `**${escapeMarkdown(cut(status, MAX_STATUS))}**`;

type Field = Card["fields"][number];

const fieldInWords = ({ label, value }: Field): string =>
  `**${escapeMarkdown(label)}**: ${escapeMarkdown(value)}`;

const isShort = ({ label, value }: Field): boolean =>
  escapeMarkdown(label).length <= MAX_FIELD_NAME && escapeMarkdown(value).length <= MAX_FIELD_VALUE;

const descriptionOf = (card: Card): string =>
  [
    ...(card.text === undefined ? [] : [toDiscordMarkdown(card.text)]),
    ...card.fields.filter((field) => !isShort(field)).map(fieldInWords),
  ].join("\n");

type WriteId = (kind: "button" | "choice" | "pick", id: string) => string;

const componentsOf = (card: Card, customId: WriteId): readonly object[] => {
  const isOpen = card.status === undefined;
  const buttons = isOpen ? card.buttons.slice(0, 5) : [];
  // Without a button nothing hands the choices in, so each does it itself.
  const kind = buttons.length > 0 ? "choice" : "pick";
  const selects = isOpen ? card.selects.slice(0, 3) : [];
  const links = card.link ? [linkOf(card.link)] : [];
  const clickable = buttons.map((button) => buttonOf(button, customId("button", button.id)));
  const rows =
    clickable.length + links.length <= 5 ? [[...clickable, ...links]] : [clickable, links];
  return [
    ...selects.map((select) => [selectOf(select, customId(kind, select.id))]),
    ...rows.filter((row) => row.length > 0),
  ].map((row) => ({ type: ACTION_ROW, components: row }));
};

const buttonOf = ({ label, style }: CardButton, custom_id: string): object => ({
  type: BUTTON,
  style: style === undefined ? SECONDARY : STYLES[style],
  label: visible(cut(label, MAX_BUTTON_LABEL)),
  custom_id,
});

const linkOf = ({ url, label }: NonNullable<Card["link"]>): object => ({
  type: BUTTON,
  style: LINK,
  label: visible(cut(label, MAX_BUTTON_LABEL)),
  url,
});

const selectOf = ({ label, isMultiple, options }: CardSelect, custom_id: string): object => ({
  type: STRING_SELECT,
  custom_id,
  placeholder: cut(label, MAX_PLACEHOLDER),
  min_values: isMultiple ? 0 : 1,
  max_values: isMultiple ? Math.max(1, options.length) : 1,
  options: options.map((option) => ({
    label: visible(cut(option.label, MAX_OPTION_LABEL)),
    value: option.id,
  })),
});

/** Something empty is refused. */
const visible = (text: string): string => (text.trim() === "" ? "\u200b" : text);

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** At most so many UTF-16 units, without half a character. */
const cut = (text: string, most: number): string => {
  if (text.length <= most) return text;
  let kept = "";
  for (const { segment } of graphemes.segment(text.slice(0, most + 64))) {
    if (kept.length + segment.length > most - 1) break;
    kept += segment;
  }
  return `${kept}…`;
};
