import { hash } from "node:crypto";
import { SignatureError } from "../../core/contract/errors.ts";
import type { Content, InboundMessage } from "../../core/contract/message.ts";
import { parseContent } from "./content.ts";
import { cardTokenOf, parseEvent } from "./events.ts";
import { type Field, readFields } from "./fields.ts";
import { readXml } from "./read-xml.ts";
import { CHANNEL, isUserId, type WecomApp } from "./types.ts";
import { type XmlElement, XmlError } from "./xml.ts";

/** A message in our words, or the stable reason why it cannot be understood. */
export type Parsed =
  | { readonly isUnderstood: true; readonly message: InboundMessage }
  | { readonly isUnderstood: false; readonly reason: string };

/**
 * Reads the decrypted XML of a callback. Throws SignatureError when it was meant for another corp
 * or application. What is not understood is returned, not thrown: it did come from the platform.
 * @see https://developer.work.weixin.qq.com/document/path/90239
 */
export const parseMessage = (app: WecomApp, text: string): Parsed => {
  try {
    const element = readXml(text);
    return { isUnderstood: true, message: readMessage(app, element, text) };
  } catch (error) {
    if (error instanceof XmlError) return { isUnderstood: false, reason: error.reason };
    throw error;
  }
};

const readMessage = (app: WecomApp, element: XmlElement, text: string): InboundMessage => {
  const fields = readFields(element);
  const corpId = required(fields, "ToUserName");
  if (corpId !== app.corp_id) throw new SignatureError(CHANNEL, "INNER_CORP");
  // Contact events carry no application.
  if (fields.AgentID && fields.AgentID !== app.agent_id) {
    throw new SignatureError(CHANNEL, "INNER_AGENT");
  }
  const content = readContent(element, fields);
  const userId = readSender(fields, content);
  // User ids are unique whatever their case, so an identity is folded; the address is not.
  const foldedId = userId.toLowerCase();
  const id = messageId(app, foldedId, content, fields.MsgId, text);
  return {
    id,
    channel: CHANNEL,
    workspaceId: homeOf(userId) ?? corpId,
    conversation: { id: `${app.agent_id}/${foldedId}`, kind: "direct" },
    sender: {
      id: foldedId,
      displayName: userId,
      isBot: content.kind === "event" && userId === SYSTEM,
      departments: [],
      roles: [],
    },
    content,
    target: {
      channel: CHANNEL,
      workspaceId: corpId,
      appId: app.agent_id,
      address: userId,
      replyTo: id,
      ...(content.kind === "event" && cardTokenOf(element)),
    },
    sentAt: readTime(required(fields, "CreateTime")),
  };
};

const readContent = (element: XmlElement, fields: Partial<Record<Field, string>>): Content => {
  const type = word(required(fields, "MsgType"));
  if (type !== "event") return parseContent(type, element);
  const event = parseEvent(word(required(fields, "Event")), element);
  // A menu says what its entry's key says: a command such as `/stop`, or a question.
  const said = event.name === "menu_clicked" ? event.fields.EventKey : undefined;
  return said ? { kind: "text", text: said } : { kind: "event", event };
};

/** The corp of a person who is not of ours: only who binds that corp lets them in. */
export const homeOf = (userId: string): string | undefined =>
  userId.includes("/") ? userId.slice(0, userId.indexOf("/")) : undefined;

/** Who the platform names when nobody of the corp did anything. */
const SYSTEM = "sys";

const readSender = (fields: Partial<Record<Field, string>>, content: Content): string => {
  // The events of customer service name no sender at all.
  // https://developer.work.weixin.qq.com/document/path/94670
  if (content.kind === "event" && fields.FromUserName === undefined) return SYSTEM;
  const userId = required(fields, "FromUserName");
  if (!isUserId(userId)) throw new XmlError("FromUserName is no user id");
  return userId;
};

/**
 * The same for every redelivery. Message ids have collided between users, and events have none;
 * several a second are real, but an identical text with an identical time is a repetition. Hashed,
 * since it outlives the message in the store and in logs: it must not say who wrote.
 */
const messageId = (
  app: WecomApp,
  foldedId: string,
  content: Content,
  msgId: string | undefined,
  text: string,
): string => {
  const hasId = content.kind !== "event" && msgId && /^[0-9]{1,32}$/.test(msgId);
  const told = hasId ? JSON.stringify([foldedId, msgId]) : text;
  return `${app.corp_id}/${app.agent_id}/sha256:${hash("sha256", told)}`;
};

const required = (fields: Partial<Record<Field, string>>, name: Field): string => {
  const value = fields[name];
  if (!value) throw new XmlError(`no ${name}`);
  return value;
};

/** Short enough, and plain enough, for a log. */
const word = (value: string): string => {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(value)) throw new XmlError("MsgType or Event is no word");
  return value;
};

const readTime = (seconds: string): Date => {
  if (!/^[0-9]{1,11}$/.test(seconds)) throw new XmlError("CreateTime is no time");
  return new Date(Number(seconds) * 1000);
};
