import type { InboundEvent, InboundMessage } from "../../core/contract/message.ts";
import { type JsonObject, objectIn, objectsIn, textIn } from "./json.ts";
import { keyOf } from "./key-of.ts";
import { type Envelope, idOf, type Spoken, senderOf } from "./messages.ts";
import { conversationOf, isDirect, originOf } from "./origin.ts";
import type { Origin, Parsed, Viewed } from "./parsed.ts";
import { isFromProgram } from "./programs.ts";
import { slackTarget } from "./target.ts";
import { mentions } from "./text.ts";
import { CHANNEL, isSlackId, isTs } from "./types.ts";
import type { Viewpoint } from "./viewed-rooms.ts";

/**
 * Somebody judges an answer of ours, or takes that back. `fields.id` names the message as `idOf`
 * does, `fields.type` is the reaction's name, or `withdrawn`.
 * @see https://docs.slack.dev/reference/events/reaction_added
 */
export const feedbackEvent = (event: JsonObject, envelope: Envelope): Parsed => {
  const { teamId, botUserId } = envelope;
  const item = objectIn(event, "item");
  const [channelId, ts] = [textIn(item, "channel"), textIn(item, "ts")];
  const userId = textIn(event, "user");
  const reaction = textIn(event, "reaction");
  if (!isSlackId(channelId) || !isTs(ts) || !isSlackId(userId) || !reaction) {
    return ignored("NOT_READABLE");
  }
  if (botUserId === undefined || userId === botUserId) return ignored("OURS");
  if (textIn(event, "item_user") !== botUserId) return ignored("NOT_ABOUT_US");
  const platformName = textIn(event, "type") ?? "";
  const type = platformName === "reaction_added" ? reaction : "withdrawn";
  const fields = { id: idOf(teamId, channelId, ts), type, reaction };
  const origin = { teamId, channelId, isDirect: isDirect(channelId, undefined) };
  const said = { name: "feedback_given", platformName, fields } as const;
  return happening(said, origin, event, userId, envelope);
};

/** A message that was meant for us is gone. `fields.id` names it as `idOf` does. */
export const goneEvent = (event: JsonObject, envelope: Envelope, room: Spoken["room"]): Parsed => {
  const { teamId, botUserId } = envelope;
  const before = objectIn(event, "previous_message");
  const ts = textIn(event, "deleted_ts") ?? textIn(before, "ts");
  const userId = textIn(before, "user");
  if (isFromProgram(before)) return ignored("FROM_PROGRAM");
  if (!room || !isTs(ts) || !isSlackId(userId)) return ignored("NOT_READABLE");
  if (userId === botUserId) return ignored("OURS");
  const threadTs = textIn(before, "thread_ts");
  // The conversation that the question was asked in: what waits there is not answered.
  const origin = originOf({ teamId, ...room }, ts, isTs(threadTs) ? threadTs : undefined);
  const fields = { id: idOf(teamId, room.channelId, ts) };
  const said = { name: "message_deleted", platformName: "message_deleted", fields } as const;
  const gone = happening(said, origin, event, userId, envelope);
  const isCalled = botUserId !== undefined && mentions(textIn(before, "text") ?? "", botUserId);
  if (gone.kind !== "message" || room.isDirect || isCalled) return gone;
  return { ...gone, ifIn: { teamId, channelId: room.channelId, ts: origin.threadTs ?? ts } };
};

/**
 * Somebody opens the chat with us. `fields` say what they have open beside it: `channel_id`,
 * `team_id`, `entity.0.type` and so on.
 * @see https://docs.slack.dev/reference/events/assistant_thread_started
 * @see https://docs.slack.dev/reference/events/app_home_opened
 */
export const openedEvent = (event: JsonObject, envelope: Envelope): Parsed => {
  const platformName = textIn(event, "type") ?? "";
  if (platformName === "app_home_opened" && textIn(event, "tab") !== "messages") {
    return ignored("OTHER_TAB");
  }
  const from = viewpointIn(event, envelope);
  if (!from) return ignored("NOT_READABLE");
  const { teamId, channelId, userId, threadTs } = from;
  const context = contextIn(event);
  const origin: Origin = { teamId, channelId, isDirect: true, threadTs };
  const said = { name: "app_opened", platformName, fields: factsIn(context) } as const;
  const opened = happening(said, origin, event, userId, envelope);
  return opened.kind === "message" && context
    ? { ...opened, views: viewedIn(context, from) }
    : opened;
};

/**
 * Somebody looks at something else beside the chat with us: remembered until they ask, and nothing
 * that is put on record.
 * @see https://docs.slack.dev/reference/events/assistant_thread_context_changed
 * @see https://docs.slack.dev/reference/events/app_context_changed
 */
export const viewedEvent = (event: JsonObject, envelope: Envelope): Parsed => {
  const from = viewpointIn(event, envelope);
  return from ? { kind: "viewed", ...viewedIn(contextIn(event), from) } : ignored("NOT_READABLE");
};

const contextIn = (event: JsonObject): JsonObject | undefined =>
  objectIn(objectIn(event, "assistant_thread"), "context") ?? objectIn(event, "context");

/** Newer apps are not always told the chat; there is one with each person. */
const viewpointIn = (event: JsonObject, { teamId }: Envelope): Viewpoint | undefined => {
  const assistant = objectIn(event, "assistant_thread");
  const userId = textIn(assistant, "user_id") ?? textIn(event, "user");
  const channelId = textIn(assistant, "channel_id") ?? textIn(event, "channel") ?? userId;
  const threadTs = textIn(assistant, "thread_ts");
  if (!isSlackId(channelId) || !isSlackId(userId)) return undefined;
  return { teamId, channelId, userId, ...(isTs(threadTs) && { threadTs }) };
};

/** Rooms of other workspaces are none of this one's business. */
const viewedIn = (context: JsonObject | undefined, from: Viewpoint): Viewed => {
  const rooms = [
    { id: textIn(context, "channel_id"), teamId: textIn(context, "team_id") },
    ...objectsIn(context, "entities")
      .filter((entity) => textIn(entity, "type") === "slack#/types/channel_id")
      .map((entity) => ({ id: textIn(entity, "value"), teamId: textIn(entity, "team_id") })),
  ];
  const roomId = rooms
    .filter(({ teamId = from.teamId }) => teamId === from.teamId)
    .find(({ id }) => isSlackId(id))?.id;
  return { from, ...(roomId !== undefined && { roomId }) };
};

const factsIn = (context: JsonObject | undefined): Record<string, string> =>
  Object.fromEntries([
    ...textsIn(context, ""),
    ...objectsIn(context, "entities").flatMap((entity, place) =>
      textsIn(entity, `entity.${place}.`),
    ),
  ]);

/** An own thing of an object may be called anything; only its texts are taken. */
const textsIn = (object: JsonObject | undefined, prefix: string): [string, string][] =>
  Object.entries(object ?? {}).flatMap(([name, value]) =>
    typeof value === "string" ? [[`${prefix}${name}`, value]] : [],
  );

const happening = (
  happened: InboundEvent,
  origin: Origin,
  event: JsonObject,
  userId: string,
  envelope: Envelope,
): Parsed => {
  const { teamId, eventId, at } = envelope;
  // What comes again bears the same one.
  const key = eventId ?? textIn(event, "event_ts");
  if (key === undefined) return ignored("NOT_READABLE");
  const id = [teamId, "event", keyOf(key)].join("/");
  const { channelId, threadTs } = origin;
  const message: InboundMessage = {
    id,
    channel: CHANNEL,
    workspaceId: teamId,
    conversation: conversationOf(origin, envelope.isShared),
    sender: senderOf(event, userId, envelope),
    content: { kind: "event", event: happened },
    target: slackTarget({
      teamId,
      channelId,
      userId,
      replyTo: id,
      threadTs,
    }),
    sentAt: at,
  };
  return { kind: "message", message };
};

const ignored = (reason: string): Parsed => ({ kind: "ignored", reason });
