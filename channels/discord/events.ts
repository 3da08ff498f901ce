import type { InboundEvent, InboundMessage } from "../../core/contract/message.ts";
import { conversationOf, type Place, senderOf } from "./parse.ts";
import { idIn, objectIn, type Payload, textIn } from "./payload.ts";
import { CHANNEL, discordTarget } from "./target.ts";

/** Somebody's reaction to an answer of ours. */
export interface Reaction {
  readonly messageId: string;
  readonly userId: string;
  /** The character, or the name of a server's own emoji. */
  readonly emoji: string;
  /** It was taken back; Discord does not say then whose message it was on. */
  readonly isWithdrawn: boolean;
}

/** What is the same in a reaction and in its being taken back. */
export const reactionKey = ({ messageId, userId, emoji }: Reaction): string =>
  [messageId, userId, emoji].join("/");

/** Undefined unless a person reacted to a message of ours, or took back a reaction to some message. */
export const readReaction = (
  data: Payload,
  ourId: string,
  isWithdrawn = false,
): Reaction | undefined => {
  const [messageId, userId] = [idIn(data, "message_id"), idIn(data, "user_id")];
  const emoji = textIn(objectIn(data, "emoji"), "name");
  const isBot = objectIn(objectIn(data, "member"), "user")?.bot === true;
  if (messageId === undefined || userId === undefined || emoji === undefined) return undefined;
  // It becomes part of an id, and no store takes these.
  if (/[\p{Cc}\p{Cs}]/u.test(emoji)) return undefined;
  const isOurs = isWithdrawn || data.message_author_id === ourId;
  if (!isOurs || userId === ourId || isBot) return undefined;
  return { messageId, userId, emoji, isWithdrawn };
};

/** A reaction as feedback; the same one again is the same event. `data` is what told of it first. */
export const feedback = (
  { messageId, userId, emoji, isWithdrawn }: Reaction,
  about: { readonly data: Payload; readonly place: Place; readonly roles: readonly string[] },
  at: Date,
): InboundMessage => {
  const { data, place, roles } = about;
  const member = objectIn(data, "member");
  const author = { ...objectIn(member, "user"), id: userId };
  return eventMessage(place, messageId, {
    id: `${messageId}/reaction/${userId}/${emoji}${isWithdrawn ? "/withdrawn" : ""}`,
    sender: senderOf({ author, member }, roles),
    sentAt: at,
    event: {
      name: "feedback_given",
      platformName: isWithdrawn ? "MESSAGE_REACTION_REMOVE" : "MESSAGE_REACTION_ADD",
      fields: { id: messageId, type: isWithdrawn ? "withdrawn" : emoji, reaction: emoji },
    },
  });
};

/** That a message which we had taken was deleted. */
export const deletion = (
  message: Payload,
  about: { readonly id: string; readonly place: Place; readonly roles: readonly string[] },
  at: Date,
): InboundMessage =>
  eventMessage(about.place, about.id, {
    id: `${about.id}/delete`,
    sender: senderOf(message, about.roles),
    sentAt: at,
    event: {
      name: "message_deleted",
      platformName: "MESSAGE_DELETE",
      fields: { id: about.id },
    },
  });

const eventMessage = (
  place: Place,
  messageId: string,
  { event, ...rest }: Pick<InboundMessage, "id" | "sender" | "sentAt"> & { event: InboundEvent },
): InboundMessage => {
  const { channelId, guildId } = place;
  return {
    ...rest,
    channel: CHANNEL,
    workspaceId: guildId ?? "",
    conversation: conversationOf(place, messageId),
    content: { kind: "event", event },
    target: discordTarget({
      channelId,
      ...(guildId !== undefined && { guildId }),
      replyTo: messageId,
    }),
  };
};
