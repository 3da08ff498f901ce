import type { CardClick } from "../../../core/contract/card.ts";
import type { InboundEvent } from "../../../core/contract/message.ts";
import {
  isList,
  isObject,
  JsonNumber,
  type JsonObject,
  type JsonValue,
  listIn,
  objectIn,
  textIn,
} from "./json.ts";

/** @see https://developer.work.weixin.qq.com/document/path/101027 */
const NAMES: ReadonlyMap<string, InboundEvent["name"]> = new Map([
  ["enter_chat", "app_opened"],
  ["template_card_event", "card_clicked"],
  ["feedback_event", "feedback_given"],
]);

/**
 * A bot's event in our words. A field inside another is named with its path, one of several with
 * its place: `selected_items.selected_item.0.question_key`.
 */
export const parseBotEvent = (
  platformName: string,
  event: JsonObject | undefined,
): InboundEvent => {
  const details = objectIn(event, platformName);
  const name = NAMES.get(platformName) ?? "other";
  const click = name === "card_clicked" ? clickIn(details) : undefined;
  return {
    name,
    platformName,
    fields: Object.fromEntries(details ? flatten(details, "") : []),
    ...(click && { click }),
  };
};

const clickIn = (details: JsonObject | undefined): CardClick | undefined => {
  const [cardId, buttonId] = [textIn(details, "task_id"), textIn(details, "event_key")];
  if (!cardId || buttonId === undefined) return undefined;
  const items = listIn(objectIn(details, "selected_items"), "selected_item");
  const choices = items.filter(isObject).flatMap((item): [string, readonly string[]][] => {
    const question = textIn(item, "question_key");
    const options = listIn(objectIn(item, "option_ids"), "option_id");
    return question === undefined
      ? []
      : [[question, options.filter((option) => typeof option === "string")]];
  });
  return { cardId, buttonId, choices: Object.fromEntries(choices) };
};

const flatten = (object: JsonObject, prefix: string): [string, string][] =>
  [...object].flatMap(([name, value]) => flattenValue(value, `${prefix}${name}`));

const flattenValue = (value: JsonValue, path: string): [string, string][] => {
  if (isObject(value)) return flatten(value, `${path}.`);
  if (isList(value)) {
    return value.flatMap((item, place) => flattenValue(item, `${path}.${place}`));
  }
  if (value === null) return [];
  return [[path, value instanceof JsonNumber ? value.text : String(value)]];
};
