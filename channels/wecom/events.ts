import type { CardClick } from "../../core/contract/card.ts";
import type { InboundEvent } from "../../core/contract/message.ts";
import { textOf, type XmlElement } from "./xml.ts";

/**
 * Our word for each of the platform's, which are compared without case.
 * @see https://developer.work.weixin.qq.com/document/path/90240
 */
const NAMES: ReadonlyMap<string, InboundEvent["name"]> = new Map([
  ["subscribe", "member_joined"],
  ["unsubscribe", "member_left"],
  ["enter_agent", "app_opened"],
  ["location", "location_reported"],
  ["click", "menu_clicked"],
  ["view", "link_opened"],
  ["view_miniprogram", "link_opened"],
  ["scancode_push", "code_scanned"],
  ["scancode_waitmsg", "code_scanned"],
  ["pic_sysphoto", "picture_chosen"],
  ["pic_photo_or_album", "picture_chosen"],
  ["pic_weixin", "picture_chosen"],
  ["location_select", "location_chosen"],
  ["template_card_event", "card_clicked"],
  ["template_card_menu_event", "card_clicked"],
  ["taskcard_click", "card_clicked"],
  ["batch_job_result", "job_finished"],
  ["change_contact", "contact_changed"],
  ["open_approval_change", "approval_changed"],
  ["sys_approval_change", "approval_changed"],
]);

/** Who wrote it and when is said elsewhere in the message. */
const COMMON = new Set(["ToUserName", "FromUserName", "CreateTime", "MsgType", "AgentID", "Event"]);

/** Changes the clicked card, once, whoever has it: travels with the target, not with the fields. */
const CARD_TOKEN = "ResponseCode";

/** Children that come once or often: numbered even when there is one. */
const LISTED = new Set(["item", "SelectedItem", "OptionId", "ApprovalNode", "NotifyNode", "Item"]);

/**
 * An event in our words. A field inside another is named with its path, one of several with its
 * place: `SelectedItems.SelectedItem.0.QuestionKey`.
 */
export const parseEvent = (platformName: string, element: XmlElement): InboundEvent => {
  const own = [...element].filter(([name]) => !COMMON.has(name) && name !== CARD_TOKEN);
  const name = NAMES.get(platformName.toLowerCase()) ?? "other";
  const click = name === "card_clicked" ? clickIn(element) : undefined;
  return {
    name,
    platformName,
    fields: Object.fromEntries(flatten(new Map(own), "")),
    ...(click && { click }),
  };
};

/** What lets us change the card that was clicked. */
export const cardTokenOf = (element: XmlElement): { readonly cardToken?: string } => {
  const cardToken = textOf(element, CARD_TOKEN);
  return cardToken ? { cardToken } : {};
};

/** @see https://developer.work.weixin.qq.com/document/path/90240 */
const clickIn = (element: XmlElement): CardClick | undefined => {
  const [cardId, buttonId] = [textOf(element, "TaskId"), textOf(element, "EventKey")];
  if (!cardId || buttonId === undefined) return undefined;
  const items = childOf(element, "SelectedItems")?.get("SelectedItem") ?? [];
  const choices = items.flatMap((item): [string, readonly string[]][] => {
    if (typeof item === "string") return [];
    const question = textOf(item, "QuestionKey");
    const options = childOf(item, "OptionIds")?.get("OptionId") ?? [];
    return question === undefined
      ? []
      : [[question, options.filter((option) => typeof option === "string")]];
  });
  return { cardId, buttonId, choices: Object.fromEntries(choices) };
};

const childOf = (element: XmlElement, name: string): XmlElement | undefined => {
  const [child] = element.get(name) ?? [];
  return typeof child === "string" ? undefined : child;
};

const flatten = (element: XmlElement, prefix: string): [string, string][] =>
  [...element].flatMap(([name, values]) => {
    const isList = values.length > 1 || LISTED.has(name);
    return values.flatMap((value, place): [string, string][] => {
      const path = isList ? `${prefix}${name}.${place}` : `${prefix}${name}`;
      return typeof value === "string" ? [[path, value]] : flatten(value, `${path}.`);
    });
  });
