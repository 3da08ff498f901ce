import type { Card, CardButton, CardSelect } from "../../core/contract/card.ts";
import { plainText } from "./plain-text.ts";

// What a card may hold at most; more is not shown, or refuses the card.
// https://developer.work.weixin.qq.com/document/path/90236
const MAX_FIELDS = 6;
const MAX_TITLE = 26;
const MAX_TEXT = 112;
const MAX_LABEL = 10;

/**
 * A card as one of WeCom's template cards, by what is on it: something to decide (button
 * interaction), to tick (vote) or to choose (multiple), else a notice with or without a picture.
 * Undefined where there is no form for it: a notice must lead somewhere.
 * @param isUpdate it takes the place of one that was clicked: a decision has a form then, too
 */
export const templateCard = (card: Card, isUpdate = false): object | undefined => {
  const isOpen = card.status === undefined;
  const selects = isOpen ? card.selects : [];
  const buttons = isOpen ? card.buttons : [];
  const [button] = buttons;
  const [select, ...otherSelects] = selects;
  const common = commonOf(card);
  if (button && select && otherSelects.length === 0 && select.isMultiple) {
    return {
      card_type: "vote_interaction",
      ...titled(card),
      ...voteOf(select, button),
      task_id: card.id,
    };
  }
  if (button && selects.length > 0) {
    return {
      card_type: "multiple_interaction",
      ...titled(card),
      select_list: selects.map(selectionOf),
      submit_button: { text: cut(button.label, MAX_LABEL), key: button.id },
      task_id: card.id,
    };
  }
  if (button) {
    return {
      card_type: "button_interaction",
      ...common,
      button_list: buttons.map(buttonOf),
      task_id: card.id,
    };
  }
  if (!card.link) {
    return isUpdate && card.status !== undefined ? decided(card, card.status) : undefined;
  }
  // A bot's card is changed by one that bears the same id.
  const id = isUpdate ? { task_id: card.id } : {};
  const action = { card_action: { type: 1, url: card.link.url } };
  const jump = { jump_list: [{ type: 1, title: cut(card.link.label, 13), url: card.link.url }] };
  return card.imageUrl
    ? {
        card_type: "news_notice",
        ...common,
        card_image: { url: card.imageUrl },
        ...jump,
        ...action,
        ...id,
      }
    : { card_type: "text_notice", ...common, ...jump, ...action, ...id };
};

/** What no card of ours calls a button: a click on it decides nothing. */
const DECIDED = "@decided";

/**
 * A decision without anywhere to lead to, in the place of the buttons that led to it. There is no such
 * card without a button: where an application changes it, `replace_text` greys it out; bots may not know that.
 * @see https://developer.work.weixin.qq.com/document/path/94888
 */
const decided = (card: Card, status: string) => {
  // Its first words: all of it is said above the button.
  const label = cut(/^[^\p{P}]+/u.exec(status)?.[0] ?? status, MAX_LABEL);
  return {
    card_type: "button_interaction",
    ...commonOf(card),
    button_list: [{ text: label, style: 4, key: DECIDED }],
    replace_text: label,
    task_id: card.id,
  };
};

/** A card in words, for where there is no form for it, and for those who see no cards. */
export const cardInWords = (card: Card): string =>
  [
    `**${card.title}**`,
    ...(card.text === undefined ? [] : [card.text]),
    ...card.fields.map(({ label, value }) => `${label}: ${value}`),
    ...(card.link ? [`[${card.link.label}](${card.link.url})`] : []),
    ...(card.status === undefined ? [] : [card.status]),
  ].join("\n");

const titled = (card: Card) => ({
  main_title: {
    title: cut(card.title, MAX_TITLE),
    ...(card.text !== undefined && { desc: cut(plainText(card.text), 30) }),
  },
});

const commonOf = (card: Card) => ({
  main_title: { title: cut(card.title, MAX_TITLE) },
  ...(textOf(card) !== "" && { sub_title_text: cut(textOf(card), MAX_TEXT) }),
  ...(card.fields.length > 0 && {
    horizontal_content_list: card.fields.slice(0, MAX_FIELDS).map(({ label, value }) => ({
      keyname: cut(label, 5),
      value: cut(value, 26),
    })),
  }),
});

/** What does not fit the few characters of a field must not be lost: then the text says it whole. */
const textOf = (card: Card): string =>
  [
    ...(card.status === undefined ? [] : [card.status]),
    ...(card.text === undefined ? [] : [plainText(card.text)]),
    ...card.fields
      .filter(
        ({ label, value }, index) =>
          index >= MAX_FIELDS || [...label].length > 5 || [...value].length > 26,
      )
      .map(({ label, value }) => `${label}: ${value}`),
  ].join("\n");

const STYLES = { primary: 1, danger: 2 } as const;

const buttonOf = ({ id, label, style }: CardButton) => ({
  text: cut(label, MAX_LABEL),
  style: style === undefined ? 4 : STYLES[style],
  key: id,
});

const voteOf = (select: CardSelect, button: CardButton) => ({
  checkbox: {
    question_key: select.id,
    mode: 1,
    option_list: select.options.map(({ id, label }) => ({
      id,
      text: cut(label, 11),
      is_checked: false,
    })),
  },
  submit_button: { text: cut(button.label, MAX_LABEL), key: button.id },
});

const selectionOf = (select: CardSelect) => ({
  question_key: select.id,
  title: cut(select.label, 13),
  option_list: select.options.map(({ id, label }) => ({ id, text: cut(label, 10) })),
});

/** At most so many characters as a person counts them. */
const cut = (text: string, most: number): string => {
  const characters = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
};
