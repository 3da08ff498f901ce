import type { InboundEvent } from "../../core/contract/message.ts";
import type { XmlElement } from "./xml.ts";

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

/** Children that come once or often: numbered even when there is one. */
const LISTED = new Set(["item", "SelectedItem", "OptionId", "ApprovalNode", "NotifyNode", "Item"]);

/**
 * An event in our words. A field inside another is named with its path, one of several with its
 * place: `SelectedItems.SelectedItem.0.QuestionKey`.
 */
export const parseEvent = (platformName: string, element: XmlElement): InboundEvent => {
  const own = new Map([...element].filter(([name]) => !COMMON.has(name)));
  return {
    name: NAMES.get(platformName.toLowerCase()) ?? "other",
    platformName,
    fields: Object.fromEntries(flatten(own, "")),
  };
};

const flatten = (element: XmlElement, prefix: string): [string, string][] =>
  [...element].flatMap(([name, values]) => {
    const isList = values.length > 1 || LISTED.has(name);
    return values.flatMap((value, place): [string, string][] => {
      const path = isList ? `${prefix}${name}.${place}` : `${prefix}${name}`;
      return typeof value === "string" ? [[path, value]] : flatten(value, `${path}.`);
    });
  });
