import { createHash } from "node:crypto";
import { SignatureError } from "../../../core/contract/errors.ts";
import type { Content, InboundMessage } from "../../../core/contract/message.ts";
import { homeOf } from "../parse.ts";
import { CHANNEL, isUserId } from "../types.ts";
import { parseBotContent, withoutMention } from "./content.ts";
import { parseBotEvent } from "./events.ts";
import { JsonError, type JsonObject, objectIn, textIn } from "./json.ts";

/** What a callback is checked against. */
export interface BotIdentity {
  /** The `aibotid` of its callbacks. */
  readonly id: string;
  /** Where its users are, unless a callback names another corp. */
  readonly corp_id: string;
  /** As it is mentioned in groups, without `@`; absent where nobody said it. */
  readonly name?: string;
}

/** What the platform calls for. */
export type BotCallback =
  | {
      readonly kind: "message";
      readonly message: InboundMessage;
      /** Whoever knows it can answer once, for an hour: a secret. Never on a long connection. */
      readonly responseUrl?: string;
    }
  /** The platform wants to know what there is of an answer that is still growing. */
  | { readonly kind: "poll"; readonly streamId: string };

/** A group's address is told from a user id by its first characters, which no user id has. */
const GROUP = "group:";

/**
 * Reads a bot's callback, the same for both of its connections. `receivedAt` stands in where the
 * platform does not say when something was said. Throws SignatureError when it was meant for
 * another bot, JsonError when it is not understood.
 * @see https://developer.work.weixin.qq.com/document/path/100719
 */
export const parseBotCallback = (
  bot: BotIdentity,
  body: JsonObject,
  receivedAt: Date,
): BotCallback => {
  const type = word(textIn(body, "msgtype"), "msgtype");
  const botId = textIn(body, "aibotid");
  if (botId !== undefined && botId !== bot.id) throw new SignatureError(CHANNEL, "INNER_BOT");
  if (type === "stream") {
    const streamId = textIn(objectIn(body, "stream"), "id");
    if (!streamId) throw new JsonError("no stream.id");
    return { kind: "poll", streamId };
  }
  if (botId === undefined) throw new JsonError("no aibotid");
  const content = contentOf(bot, type, body);
  const from = objectIn(body, "from");
  const userId = textIn(from, "userid");
  if (!userId || !isUserId(userId)) throw new JsonError("from.userid is no user id");
  const workspaceId = corpOf(bot, userId, textIn(from, "corpid"));
  const foldedId = userId.toLowerCase();
  const chatId = groupIn(body);
  const id = `${workspaceId}/${bot.id}/${messageId(body)}`;
  const responseUrl = textIn(body, "response_url");
  return {
    kind: "message",
    message: {
      id,
      channel: CHANNEL,
      workspaceId,
      conversation: {
        id: `${bot.id}/${chatId === undefined ? foldedId : `${GROUP}${chatId}`}`,
        kind: chatId === undefined ? "direct" : "group",
      },
      // User ids are unique whatever their case, so an identity is folded; the address is not.
      sender: {
        id: foldedId,
        displayName: userId,
        isBot: false,
        departments: [],
        roles: [],
      },
      content,
      target: {
        channel: CHANNEL,
        // The corp of the bot, also where the one who speaks is in another.
        workspaceId: bot.corp_id,
        appId: bot.id,
        address: chatId === undefined ? userId : `${GROUP}${chatId}`,
        replyTo: id,
      },
      sentAt: timeOf(body) ?? receivedAt,
    },
    ...(responseUrl && { responseUrl }),
  };
};

/** The id of the group that a bot's answer goes to; undefined where it goes to one person. */
export const groupOf = (address: string): string | undefined =>
  address.startsWith(GROUP) ? address.slice(GROUP.length) : undefined;

const contentOf = (bot: BotIdentity, type: string, body: JsonObject): Content => {
  if (type === "event") {
    const event = objectIn(body, "event");
    const name = word(textIn(event, "eventtype"), "event.eventtype");
    return { kind: "event", event: parseBotEvent(name, event) };
  }
  const content = parseBotContent(type, body);
  const isGroup = groupIn(body) !== undefined;
  return content.kind === "text" && isGroup
    ? { ...content, text: withoutMention(content.text, bot.name) }
    : content;
};

/** Where a person is; of two different answers neither is believed. */
const corpOf = (bot: BotIdentity, userId: string, named: string | undefined): string => {
  const home = homeOf(userId);
  const corpId = named || home || bot.corp_id;
  if (!/^[A-Za-z0-9_.@-]{1,64}$/.test(corpId)) throw new JsonError("from.corpid is no corp id");
  if (home !== undefined && home !== corpId) throw new JsonError("from names two corps");
  return corpId;
};

/** A single chat may bear an id as well, which is no group. */
const groupIn = (body: JsonObject): string | undefined => {
  const chatId = textIn(body, "chatid");
  const type = textIn(body, "chattype");
  if (type !== "group") {
    if (type === undefined || type === "single") return undefined;
    throw new JsonError("chattype is neither single nor group");
  }
  if (!chatId || !/^[\x21-\x7e]{1,128}$/.test(chatId)) throw new JsonError("chatid is none");
  return chatId;
};

/** The same for every redelivery. */
const messageId = (body: JsonObject): string => {
  const id = textIn(body, "msgid");
  if (id && /^[A-Za-z0-9_.=+/-]{1,128}$/.test(id)) return id;
  return `sha256:${createHash("sha256").update(canonical(body)).digest("hex")}`;
};

/** One text for equal bodies. */
const canonical = (body: JsonObject): string =>
  JSON.stringify(body, (_name, value: unknown) => (value instanceof Map ? [...value] : value));

/** Short enough, and plain enough, for a log. */
const word = (value: string | undefined, name: string): string => {
  if (value === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(value)) {
    throw new JsonError(`${name} is no word`);
  }
  return value;
};

const timeOf = (body: JsonObject): Date | undefined => {
  const seconds = textIn(body, "create_time");
  return seconds && /^[0-9]{1,11}$/.test(seconds) ? new Date(Number(seconds) * 1000) : undefined;
};
