import type {
  Attachment,
  Content,
  Conversation,
  InboundMessage,
  Sender,
} from "../../core/contract/message.ts";
import { writeRef } from "./attachment-ref.ts";
import {
  idIn,
  idsIn,
  numberIn,
  objectIn,
  objectsIn,
  type Payload,
  textIn,
  timeOf,
} from "./payload.ts";
import { CHANNEL, discordTarget } from "./target.ts";

/** Who we are where a message was written. */
export interface Self {
  readonly userId: string;
  /** The roles that belong to our bot alone, so that naming one names us. */
  readonly roleIds: ReadonlySet<string>;
}

/** The room that a message was written in. */
export interface Place {
  readonly channelId: string;
  /** Absent in direct chats. */
  readonly guildId?: string;
  readonly kind: "direct" | "room" | "thread";
  /** Of a thread. */
  readonly parentId?: string;
  /** A thread that an answer of ours began: all that is said in it is meant for us. */
  readonly isOwned: boolean;
  /** Whether a thread can be started from a message in it. */
  readonly takesThreads: boolean;
}

/** @see https://discord.com/developers/docs/resources/message#message-object-message-types */
const DEFAULT = 0;
const REPLY = 19;

/** Whether a person wrote it, with a text of their own: no program, no webhook, no notice of Discord's. */
export const isFromPerson = (message: Payload, self: Self): boolean => {
  const author = objectIn(message, "author");
  const type = numberIn(message, "type") ?? DEFAULT;
  return (
    idIn(author, "id") !== undefined &&
    idIn(author, "id") !== self.userId &&
    author?.bot !== true &&
    author?.system !== true &&
    (message.webhook_id === undefined || message.webhook_id === null) &&
    (type === DEFAULT || type === REPLY)
  );
};

/** Whether it names us: by our name, by the role that is ours alone, or as the answer to words of ours. */
export const isMention = (message: Payload, { userId, roleIds }: Self): boolean =>
  objectsIn(message, "mentions").some((user) => user.id === userId) ||
  idsIn(message, "mention_roles").some((id) => roleIds.has(id)) ||
  (numberIn(message, "type") === REPLY &&
    objectIn(objectIn(message, "referenced_message"), "author")?.id === userId);

/**
 * What a person said to us; undefined where a program spoke, nobody spoke to us, or the message
 * cannot be read. `roles` are those that the author has in the guild.
 */
export const toInbound = (
  message: Payload,
  about: { readonly self: Self; readonly place: Place; readonly roles: readonly string[] },
): InboundMessage | undefined => {
  const { self, place, roles } = about;
  const id = idIn(message, "id");
  if (id === undefined || !isFromPerson(message, self)) return undefined;
  if (place.kind !== "direct" && !place.isOwned && !isMention(message, self)) return undefined;
  const said = withoutMention(textIn(message, "content") ?? "", self);
  const { channelId, guildId } = place;
  return {
    id,
    channel: CHANNEL,
    workspaceId: guildId ?? "",
    conversation: conversationOf(place, id),
    sender: senderOf(message, roles),
    content: contentOf(message, said, channelId, id),
    target: discordTarget({
      channelId,
      ...(guildId !== undefined && { guildId }),
      replyTo: id,
      ...(startsThread(place) && { threadOf: { messageId: id, name: said } }),
    }),
    sentAt: timeOf(id),
  };
};

/** Whether what is said to us there is answered in a thread of its own. */
export const startsThread = ({ kind, takesThreads }: Place): boolean =>
  kind === "room" && takesThreads;

/** A thread has the id of the message that it begins with, so it is known before it exists. */
export const conversationOf = (place: Place, messageId: string): Conversation => {
  const { kind, channelId, parentId } = place;
  if (kind === "direct") return { id: channelId, kind: "direct" };
  const id = startsThread(place) ? messageId : channelId;
  return { id, kind: "group", room: parentId ?? channelId };
};

/** Who wrote a message; `roles` as told of them in the guild. */
export const senderOf = (message: Payload, roles: readonly string[]): Sender => {
  const author = objectIn(message, "author");
  const nick = textIn(objectIn(message, "member"), "nick");
  const name = nick ?? textIn(author, "global_name") ?? textIn(author, "username") ?? "";
  return {
    id: idIn(author, "id") ?? "",
    displayName: name,
    isBot: false,
    departments: [],
    roles,
  };
};

const withoutMention = (text: string, { userId, roleIds }: Self): string => {
  const ours = new Set([`<@${userId}>`, `<@!${userId}>`, ...[...roleIds].map((id) => `<@&${id}>`)]);
  const leading = /^(?:\s*(<@[!&]?\d+>)\s*)/;
  let rest = text;
  for (;;) {
    const found = leading.exec(rest);
    if (!found || !ours.has(found[1] ?? "")) break;
    rest = rest.slice(found[0].length);
  }
  return rest.replace(/[^\S\n]?(<@[!&]?\d+>)/g, (all, name: string) => (ours.has(name) ? "" : all));
};

const contentOf = (message: Payload, text: string, channelId: string, id: string): Content => {
  const attachments = objectsIn(message, "attachments").flatMap((file) =>
    attachmentOf(file, channelId, id),
  );
  if (text === "" && attachments.length === 0) {
    if (objectsIn(message, "sticker_items").length > 0) {
      return { kind: "unsupported", type: "sticker" };
    }
    if (objectIn(message, "poll")) return { kind: "unsupported", type: "poll" };
  }
  const quote = quoteOf(message);
  return {
    kind: "text",
    text,
    ...(quote !== undefined && { quote }),
    ...(attachments.length > 0 && { attachments }),
  };
};

/** What a reply answers, or what was forwarded. */
const quoteOf = (message: Payload): string | undefined => {
  const [snapshot] = objectsIn(message, "message_snapshots");
  const referred = objectIn(message, "referenced_message") ?? objectIn(snapshot, "message");
  return textIn(referred, "content") || undefined;
};

/** A file that somebody sent, with the message that holds it; none when it cannot be read. */
export const attachmentOf = (
  file: Payload,
  channelId?: string,
  messageId?: string,
): readonly Attachment[] => {
  const [url, id] = [textIn(file, "url"), idIn(file, "id")];
  if (url === undefined || id === undefined) return [];
  const sizeBytes = numberIn(file, "size");
  return [
    {
      kind: kindOf(textIn(file, "content_type") ?? ""),
      name: textIn(file, "filename") ?? "",
      ...(sizeBytes !== undefined && { sizeBytes }),
      ref: writeRef({
        url,
        id,
        ...(channelId !== undefined && { channelId }),
        ...(messageId !== undefined && { messageId }),
      }),
    },
  ];
};

const kindOf = (contentType: string): Attachment["kind"] => {
  if (contentType.startsWith("image/")) return "image";
  if (contentType.startsWith("audio/")) return "voice";
  return contentType.startsWith("video/") ? "video" : "file";
};
