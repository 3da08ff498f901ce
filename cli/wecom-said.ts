import { randomInt } from "node:crypto";
import type { WecomApp } from "../channels/wecom/types.ts";
import { escapeCdata } from "../channels/wecom/xml.ts";
import { clickIn } from "./card-click.ts";
import type { SaidKind } from "./said-kinds.ts";

/** Something that a member does. */
export interface Said {
  readonly kind: SaidKind;
  /**
   * What TEXT stands for: the words; of a voice its transcript; a place's name; a link's or page's
   * address; a menu key; what was clicked (see `clickIn`); what a code says; of any other event
   * `name:key`, or `name:field=value,field=value`. Of pictures, videos and files nothing.
   */
  readonly text: string;
  /** What the file is called that comes along. */
  readonly fileName: string;
  /** By which the gateway can fetch it from the stand-in. */
  readonly mediaId: string;
}

/** These may be met with silence. */
export const isEvent = (kind: SaidKind): boolean => Object.hasOwn(EVENTS, kind);

/** Whether an application can be met so; some kinds are for bots only. */
export const isForApps = (kind: SaidKind): boolean =>
  isEvent(kind) || Object.hasOwn(MESSAGES, kind);

/** Kinds whose TEXT must not be left out. */
export const needsText = (kind: SaidKind): boolean =>
  ["text", "click", "card-click", "link", "view", "scan", "feedback", "event"].includes(kind);

/**
 * The decrypted XML of the callback.
 * @see https://developer.work.weixin.qq.com/document/path/90239
 * @see https://developer.work.weixin.qq.com/document/path/90240
 */
export const saidXml = (app: WecomApp, userId: string, said: Said): string => {
  const event = EVENTS[said.kind]?.(said);
  const body = event
    ? tag("MsgType", "event") + event
    : (MESSAGES[said.kind]?.(said) ?? "") +
      `<MsgId>${Date.now()}${randomInt(100_000, 1_000_000)}</MsgId>`;
  return (
    `<xml>${tag("ToUserName", app.corp_id)}${tag("FromUserName", userId)}` +
    `<CreateTime>${Math.floor(Date.now() / 1000)}</CreateTime>${body}` +
    `<AgentID>${app.agent_id}</AgentID></xml>`
  );
};

const tag = (name: string, value: string): string =>
  `<${name}><![CDATA[${escapeCdata(value)}]]></${name}>`;

const message = (kind: string, ...fields: readonly string[]): string =>
  tag("MsgType", kind) + fields.join("");

type Written = Partial<Record<SaidKind, (said: Said) => string>>;

const MESSAGES: Written = {
  text: ({ text }) => message("text", tag("Content", text)),
  image: ({ mediaId }) =>
    message("image", tag("PicUrl", "https://example.com/p.jpg"), tag("MediaId", mediaId)),
  voice: ({ mediaId, text }) =>
    message(
      "voice",
      ...[tag("MediaId", mediaId), tag("Format", "amr")],
      ...(text === "" ? [] : [tag("Recognition", text)]),
    ),
  video: ({ mediaId }) =>
    message("video", tag("MediaId", mediaId), tag("ThumbMediaId", `${mediaId}_thumb`)),
  file: ({ mediaId, fileName }) =>
    message("file", tag("MediaId", mediaId), tag("FileName", fileName)),
  location: ({ text }) =>
    message(
      "location",
      "<Location_X>25.033964</Location_X><Location_Y>121.564468</Location_Y><Scale>15</Scale>",
      ...[tag("Label", text || "Taipei 101"), tag("AppType", "wxwork")],
    ),
  link: ({ text }) =>
    message("link", tag("Title", "A page"), tag("Description", "What it says"), tag("Url", text)),
};

const event = (name: string, ...fields: readonly string[]): string =>
  tag("Event", name) + fields.join("");

const EVENTS: Written = {
  click: ({ text }) => event("click", tag("EventKey", text)),
  "card-click": ({ text }) => {
    const { cardId, buttonId, choices } = clickIn(text);
    const items = choices.map(([question, options]) => {
      const ids = options.map((option) => tag("OptionId", option)).join("");
      const item = `${tag("QuestionKey", question)}<OptionIds>${ids}</OptionIds>`;
      return `<SelectedItem>${item}</SelectedItem>`;
    });
    return event(
      "template_card_event",
      ...[tag("EventKey", buttonId), tag("TaskId", cardId), tag("CardType", "button_interaction")],
      tag("ResponseCode", `simulated${randomInt(1_000_000)}`),
      ...(items.length > 0 ? [`<SelectedItems>${items.join("")}</SelectedItems>`] : []),
    );
  },
  enter_agent: () => event("enter_agent", tag("EventKey", "")),
  subscribe: () => event("subscribe"),
  unsubscribe: () => event("unsubscribe"),
  view: ({ text }) => event("view", tag("EventKey", text)),
  scan: ({ text }) =>
    event(
      "scancode_waitmsg",
      tag("EventKey", "scan"),
      `<ScanCodeInfo>${tag("ScanType", "qrcode")}${tag("ScanResult", text)}</ScanCodeInfo>`,
    ),
  event: ({ text }) => {
    const [name = "", ...rest] = text.split(":");
    const key = rest.join(":");
    const fields = key.split(",").map((field) => /^([A-Za-z]\w{0,63})=(.*)$/.exec(field) ?? []);
    const isFields = fields.every(([, field]) => field !== undefined);
    return event(
      name,
      ...(isFields
        ? fields.map(([, field = "", value = ""]) => tag(field, value))
        : [tag("EventKey", key)]),
    );
  },
  position: () =>
    event(
      "LOCATION",
      "<Latitude>25.033964</Latitude><Longitude>121.564468</Longitude><Precision>65</Precision>",
      tag("AppType", "wxwork"),
    ),
};
