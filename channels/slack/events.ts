import { feedbackEvent, goneEvent, openedEvent, viewedEvent } from "./happenings.ts";
import { isTrue, type JsonObject, objectIn, objectsIn, textIn } from "./json.ts";
import { type Envelope, readMessage, type Spoken } from "./messages.ts";
import { isDirect } from "./origin.ts";
import type { Parsed } from "./parsed.ts";
import { isFromProgram } from "./programs.ts";
import { isSlackId, isTs } from "./types.ts";

/** Who we are in a workspace, as far as it is remembered: nothing is asked for it. */
export type KnownBot = (teamId: string) => { readonly userId: string } | undefined;

/**
 * Reads the body of an `event_callback`.
 * @see https://docs.slack.dev/apis/events-api/
 */
export const parseEvent = (body: JsonObject, knownBot: KnownBot, now: Date): Parsed => {
  const event = objectIn(body, "event");
  if (!event) return ignored("NO_EVENT");
  const envelope = readEnvelope(body, knownBot, now);
  if (!envelope) return ignored("NO_WORKSPACE");
  switch (textIn(event, "type")) {
    case "message":
      return parseMessageEvent(event, envelope);
    case "app_mention":
      // The `message` beside it says what was changed.
      if (objectIn(event, "edited")) return ignored("EDITED_MENTION");
      return readMessage(event, envelope, { isCalled: true, room: roomOf(event) });
    case "reaction_added":
    case "reaction_removed":
      return feedbackEvent(event, envelope);
    case "assistant_thread_started":
    case "app_home_opened":
      return openedEvent(event, envelope);
    case "assistant_thread_context_changed":
    case "app_context_changed":
      return viewedEvent(event, envelope);
    case "app_uninstalled":
    case "tokens_revoked":
      return revocation(event, envelope);
    default:
      return ignored("OTHER_EVENT");
  }
};

/** Subtypes with which a person says something. https://docs.slack.dev/reference/events/message */
const SPOKEN = new Set([undefined, "file_share", "thread_broadcast", "me_message"]);

const parseMessageEvent = (event: JsonObject, envelope: Envelope): Parsed => {
  const subtype = textIn(event, "subtype");
  const room = roomOf(event);
  if (SPOKEN.has(subtype)) return readMessage(event, envelope, { room });
  if (subtype === "message_changed") return parseEdit(event, envelope, room);
  if (subtype === "message_deleted") return goneEvent(event, envelope, room);
  return ignored("OTHER_SUBTYPE");
};

/** Of a message that a person changed, the new words; of everything else that changes one, nothing. */
const parseEdit = (event: JsonObject, envelope: Envelope, room: Spoken["room"]): Parsed => {
  const message = objectIn(event, "message");
  const before = objectIn(event, "previous_message");
  // Deleted, what has answers in its thread leaves a tombstone in its place.
  // https://docs.slack.dev/reference/events/message/message_changed
  if (textIn(message, "subtype") === "tombstone") return goneEvent(event, envelope, room);
  const editedTs = textIn(objectIn(message, "edited"), "ts");
  // Links that unfold, and answers of ours that grow, change messages too.
  if (!message || !isTs(editedTs)) return ignored("NOT_EDITED");
  if (isFromProgram(before)) return ignored("FROM_PROGRAM");
  if (!SPOKEN.has(textIn(message, "subtype"))) return ignored("OTHER_SUBTYPE");
  if (textIn(message, "text") === textIn(before, "text")) return ignored("SAME_TEXT");
  return readMessage(message, envelope, { room, editedTs });
};

const roomOf = (event: JsonObject): Spoken["room"] => {
  const channelId = textIn(event, "channel");
  return isSlackId(channelId)
    ? { channelId, isDirect: isDirect(channelId, textIn(event, "channel_type")) }
    : undefined;
};

const readEnvelope = (body: JsonObject, knownBot: KnownBot, now: Date): Envelope | undefined => {
  const [authorization] = objectsIn(body, "authorizations");
  // The installation's workspace: in a shared room `team_id` may be that of whoever spoke.
  const teamId =
    textIn(authorization, "team_id") ?? textIn(body, "context_team_id") ?? textIn(body, "team_id");
  const enterpriseId = textIn(authorization, "enterprise_id") ?? textIn(body, "enterprise_id");
  const isEnterprise = isTrue(authorization, "is_enterprise_install");
  const home = teamId ?? (isEnterprise ? enterpriseId : undefined);
  if (!isSlackId(home)) return undefined;
  const authorized = isTrue(authorization, "is_bot") ? textIn(authorization, "user_id") : undefined;
  const botUserId = authorized ?? knownBot(home)?.userId;
  return {
    teamId: home,
    isEnterprise,
    isShared: isTrue(body, "is_ext_shared_channel"),
    eventId: textIn(body, "event_id"),
    at: typeof body.event_time === "number" ? new Date(body.event_time * 1000) : now,
    ...(isSlackId(enterpriseId) && { enterpriseId }),
    ...(botUserId !== undefined && { botUserId }),
  };
};

const revocation = (event: JsonObject, envelope: Envelope): Parsed => {
  const why = textIn(event, "type") ?? "";
  const bots = objectIn(event, "tokens")?.bot;
  // Tokens of people are none of ours.
  if (why === "tokens_revoked" && !(Array.isArray(bots) && bots.length > 0)) {
    return ignored("NOT_OUR_TOKENS");
  }
  const { teamId, enterpriseId, isEnterprise, eventId } = envelope;
  return {
    kind: "revoked",
    installation: {
      teamId,
      isEnterprise,
      why,
      ...(enterpriseId && { enterpriseId }),
      ...(eventId !== undefined && { eventId }),
    },
  };
};

const ignored = (reason: string): Parsed => ({ kind: "ignored", reason });
