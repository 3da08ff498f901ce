import type { CardClick } from "../../core/contract/card.ts";
import { asObject, type JsonObject, objectIn, objectsIn, textIn } from "./json.ts";

/** `block_id` of a card's buttons; unique in a message, as Slack asks. */
export const buttonsBlockId = (cardId: string): string => `card/${cardId}`;

/** `block_id` of one of a card's selects. */
export const selectBlockId = (cardId: string, selectId: string): string =>
  `card/${cardId}/${selectId}`;

/** `action_id` of a button. */
export const buttonActionId = (buttonId: string): string => `button/${buttonId}`;

/**
 * `action_id` of a select; `isAlone` where no button of its card hands the choice in, so that it does so
 * itself. The values of its options are the options' ids.
 */
export const selectActionId = (selectId: string, isAlone: boolean): string =>
  `${isAlone ? "pick" : "select"}/${selectId}`;

const ID = "[0-9A-Za-z_-]{1,64}";
const BUTTONS_BLOCK = new RegExp(`^card/(${ID})$`);
const SELECT_BLOCK = new RegExp(`^card/(${ID})/(${ID})$`);
const BUTTON_ACTION = new RegExp(`^button/(${ID})$`);
const PICK_ACTION = new RegExp(`^pick/(${ID})$`);

/**
 * The click on a button of one of our cards, with what is chosen in its selects, or the choice in a card
 * without buttons; undefined where a choice waits for a button, or somebody else's was clicked.
 * @see https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
 */
export const clickIn = (payload: JsonObject): CardClick | undefined => {
  for (const action of objectsIn(payload, "actions")) {
    const [blockId, actionId] = [textIn(action, "block_id"), textIn(action, "action_id")];
    const pick = pickIn(action, blockId ?? "", actionId ?? "");
    if (pick) return pick;
    const cardId = BUTTONS_BLOCK.exec(blockId ?? "")?.[1];
    const buttonId = BUTTON_ACTION.exec(actionId ?? "")?.[1];
    if (cardId === undefined || buttonId === undefined) continue;
    const values = objectIn(objectIn(payload, "state"), "values");
    return { cardId, buttonId, choices: choicesIn(values, cardId) };
  }
  return undefined;
};

/** A choice that hands itself in. */
const pickIn = (action: JsonObject, blockId: string, actionId: string): CardClick | undefined => {
  const [, cardId, selectId] = SELECT_BLOCK.exec(blockId) ?? [];
  if (cardId === undefined || selectId === undefined) return undefined;
  if (PICK_ACTION.exec(actionId)?.[1] !== selectId) return undefined;
  return { cardId, buttonId: selectId, choices: { [selectId]: chosenIn(action) } };
};

const choicesIn = (values: JsonObject | undefined, cardId: string): CardClick["choices"] =>
  Object.fromEntries(
    Object.entries(values ?? {}).flatMap(([blockId, states]): [string, readonly string[]][] => {
      const [, ofCard, selectId] = SELECT_BLOCK.exec(blockId) ?? [];
      if (ofCard !== cardId || selectId === undefined) return [];
      return [[selectId, chosenIn(objectIn(asObject(states), selectActionId(selectId, false)))]];
    }),
  );

/** @see https://docs.slack.dev/reference/block-kit/block-elements/multi-select-menu-element */
const chosenIn = (state: JsonObject | undefined): readonly string[] => {
  const one = textIn(objectIn(state, "selected_option"), "value");
  const many = objectsIn(state, "selected_options").flatMap(
    (option) => textIn(option, "value") ?? [],
  );
  return one === undefined ? many : [one];
};
