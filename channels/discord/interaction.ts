import type { CardClick } from "../../core/contract/card.ts";
import type { Content, Conversation, InboundMessage } from "../../core/contract/message.ts";
import { conversationOf, type Place } from "./parse.ts";
import { idIn, idsIn, numberIn, objectIn, objectsIn, type Payload, textIn } from "./payload.ts";
import { resolvedAttachments } from "./resolved-attachments.ts";
import { CHANNEL, discordTarget, type TargetInteraction } from "./target.ts";

/**
 * What a person did that Discord waits 3 s for.
 * @see https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-interaction-type
 */
export const TYPES = { ping: 1, command: 2, component: 3, autocomplete: 4, modal: 5 } as const;

// https://discord.com/developers/docs/resources/channel#channel-object-channel-types
const DIRECT = 1;
const THREADS: ReadonlySet<number> = new Set([10, 11, 12]);
// A little less than the 15 minutes that Discord promises.
const TOKEN_MS = 14.5 * 60_000;

/** An interaction whose outside is known to be what it should be. */
export interface Interaction {
  readonly id: string;
  readonly token: string;
  readonly type: number;
  readonly applicationId: string;
  readonly userId: string;
  /** Of the person, e.g. `zh-TW`. */
  readonly locale: string;
  readonly data: Payload;
  /** That was clicked, or that a form was opened from. */
  readonly messageId: string | undefined;
  readonly payload: Payload;
}

/** Undefined for what cannot be answered, because it does not say who, where or what. */
export const readInteraction = (payload: Payload): Interaction | undefined => {
  const [id, applicationId] = [idIn(payload, "id"), idIn(payload, "application_id")];
  const [token, type] = [textIn(payload, "token"), numberIn(payload, "type")];
  const userId = idIn(userOf(payload), "id");
  if (id === undefined || applicationId === undefined || userId === undefined) return undefined;
  if (token === undefined || !/^[\w.~:+=-]{1,1024}$/.test(token)) return undefined;
  if (type === undefined || roomId(payload) === undefined) return undefined;
  return {
    id,
    applicationId,
    userId,
    token,
    type,
    payload,
    locale: textIn(payload, "locale") ?? "",
    data: objectIn(payload, "data") ?? {},
    messageId: idIn(objectIn(payload, "message"), "id"),
  };
};

/** The interaction as a message of ours that says `content`. */
export const toMessage = (
  interaction: Interaction,
  content: Content,
  deferred: TargetInteraction["deferred"],
  now: Date,
): InboundMessage => {
  const { id, payload, userId, messageId } = interaction;
  const place = placeOf(payload);
  const { guildId } = place;
  const member = objectIn(payload, "member");
  const user = userOf(payload);
  const attachmentSizeLimit = numberIn(payload, "attachment_size_limit");
  return {
    id,
    channel: CHANNEL,
    workspaceId: guildId ?? "",
    conversation: conversationIn(interaction, place, deferred),
    sender: {
      id: userId,
      displayName:
        textIn(member, "nick") ?? textIn(user, "global_name") ?? textIn(user, "username") ?? "",
      isBot: user?.bot === true,
      departments: [],
      roles: idsIn(member, "roles"),
    },
    content,
    target: discordTarget({
      channelId: place.channelId,
      ...(guildId !== undefined && { guildId }),
      replyTo: id,
      interaction: {
        applicationId: interaction.applicationId,
        token: interaction.token,
        deferred,
        expiresAt: new Date(now.getTime() + TOKEN_MS),
      },
      ...(messageId !== undefined && deferred === "update" && { cardMessageId: messageId }),
      ...(attachmentSizeLimit !== undefined && { attachmentSizeLimit }),
    }),
    sentAt: now,
  };
};

/**
 * What a command asks: the values of its options in their order, whatever the command is called; its
 * name where it has none. A command on a message quotes that message.
 */
export const questionOf = ({ data }: Interaction): Content => {
  const values = valuesIn(objectsIn(data, "options"));
  const attachments = resolvedAttachments(data);
  const target = textIn(data, "target_id");
  const messages = objectIn(objectIn(data, "resolved"), "messages");
  const quote = target === undefined ? undefined : textIn(objectIn(messages, target), "content");
  const isEmpty = values.length === 0 && attachments.length === 0;
  return {
    kind: "text",
    text: isEmpty ? (textIn(data, "name") ?? "") : values.join(" "),
    ...(quote && { quote }),
    ...(attachments.length > 0 && { attachments }),
  };
};

// https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-option-type
const ATTACHMENT = 11;
const MAX_DEPTH = 3;

const valuesIn = (options: readonly Payload[], depth = 1): readonly string[] =>
  options.flatMap((option) => {
    const { value } = option;
    if (numberIn(option, "type") === ATTACHMENT) return [];
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      return [String(value)];
    }
    return depth < MAX_DEPTH ? valuesIn(objectsIn(option, "options"), depth + 1) : [];
  });

/** A click on a card of ours. */
export const clicked = (interaction: Interaction, click: CardClick): Content => ({
  kind: "event",
  event: {
    name: "card_clicked",
    platformName: "MESSAGE_COMPONENT",
    click,
    fields: { custom_id: textIn(interaction.data, "custom_id") ?? "" },
  },
});

/** What was filled into a form, as an event. */
export const submitted = (interaction: Interaction): Content => ({
  kind: "event",
  event: {
    name: "form_submitted",
    platformName: "MODAL_SUBMIT",
    fields: {
      ...inputsOf(interaction),
      custom_id: textIn(interaction.data, "custom_id") ?? "",
    },
  },
});

/** What was filled into a form, by the ids of its inputs; several values are joined by commas. */
export const inputsOf = ({ data }: Interaction): Readonly<Record<string, string>> =>
  Object.fromEntries(inputsIn(objectsIn(data, "components")));

/** Inputs lie in rows, or each in its label. */
const inputsIn = (components: readonly Payload[], depth = 1): readonly [string, string][] =>
  components.flatMap((component): readonly [string, string][] => {
    const id = textIn(component, "custom_id");
    const { value, values } = component;
    if (id !== undefined && typeof value === "string") return [[id, value]];
    if (id !== undefined && Array.isArray(values)) {
      return [[id, values.filter((one) => typeof one === "string").join(",")]];
    }
    const inner = objectIn(component, "component");
    const children = [...objectsIn(component, "components"), ...(inner ? [inner] : [])];
    return depth < MAX_DEPTH ? inputsIn(children, depth + 1) : [];
  });

/** What was chosen, by a select that was clicked. */
export const chosen = ({ data }: Interaction): readonly string[] =>
  (Array.isArray(data.values) ? data.values : []).filter(
    (value): value is string => typeof value === "string" && /^[0-9A-Za-z_-]{1,64}$/.test(value),
  );

const userOf = (payload: Payload): Payload | undefined =>
  objectIn(objectIn(payload, "member"), "user") ?? objectIn(payload, "user");

const roomId = (payload: Payload): string | undefined =>
  idIn(payload, "channel_id") ?? idIn(objectIn(payload, "channel"), "id");

const placeOf = (payload: Payload): Place => {
  const channel = objectIn(payload, "channel");
  const guildId = idIn(payload, "guild_id");
  const parentId = idIn(channel, "parent_id");
  const isThread = THREADS.has(numberIn(channel, "type") ?? 0);
  return {
    channelId: roomId(payload) ?? "",
    ...(guildId !== undefined && { guildId }),
    kind: isThread ? "thread" : guildId === undefined ? "direct" : "room",
    // A channel's parent is its category.
    ...(isThread && parentId !== undefined && { parentId }),
    // A command is answered where it was given.
    isOwned: false,
    takesThreads: false,
  };
};

/** Outside of servers there are direct chats, and those of several people that no bot is in. */
const conversationIn = (
  { payload, id, userId }: Interaction,
  place: Place,
  deferred: TargetInteraction["deferred"],
): Conversation => {
  const { kind, channelId } = place;
  const type = numberIn(objectIn(payload, "channel"), "type") ?? DIRECT;
  if (kind === "direct" && type !== DIRECT) return { id: channelId, kind: "group" };
  // What two people ask in one room must not wait for each other; a card there is everybody's.
  return kind === "room" && deferred !== "update"
    ? { id: `${channelId}/${userId}`, kind: "group", room: channelId }
    : conversationOf(place, id);
};
