import type { InboundMessage } from "../../core/contract/message.ts";
import { isTrue, type JsonObject, textIn } from "./json.ts";
import { keyOf } from "./key-of.ts";
import { senderOf } from "./messages.ts";
import { isDirect } from "./origin.ts";
import type { Parsed } from "./parsed.ts";
import { slackTarget } from "./target.ts";
import { readText } from "./text.ts";
import { CHANNEL, isSlackId } from "./types.ts";

/**
 * Reads a slash command, whatever it is called: its text is a question; without one a form asks for
 * it. It cannot be given in a thread, so it is answered in the room, to the person alone, which also
 * goes where we are no member.
 * @see https://docs.slack.dev/interactivity/implementing-slash-commands
 */
export const parseCommand = (fields: JsonObject, now: Date): Parsed => {
  const teamId = homeOf(fields);
  const channelId = textIn(fields, "channel_id");
  const userId = textIn(fields, "user_id");
  const triggerId = textIn(fields, "trigger_id");
  const responseUrl = textIn(fields, "response_url");
  // The same each time that the command is told.
  const name = triggerId ?? responseUrl;
  if (!isSlackId(teamId) || !isSlackId(channelId) || !isSlackId(userId) || !name) {
    return { kind: "ignored", reason: "NOT_READABLE" };
  }
  const text = readText(textIn(fields, "text") ?? "");
  const way = responseUrl === undefined ? {} : { responseUrl };
  if (text.trim() === "") {
    if (triggerId === undefined) return { kind: "ignored", reason: "NOT_READABLE" };
    return { kind: "form_wanted", request: { teamId, triggerId, roomId: channelId, ...way } };
  }
  const id = [teamId, "command", keyOf(name)].join("/");
  const isAlone = isDirect(channelId, undefined);
  const enterpriseId = textIn(fields, "enterprise_id");
  const message: InboundMessage = {
    id,
    channel: CHANNEL,
    workspaceId: teamId,
    // What two people ask in one room must not wait for each other.
    conversation: isAlone
      ? { id: channelId, kind: "direct" }
      : { id: `${channelId}/${userId}`, kind: "group", room: channelId },
    sender: senderOf(fields, userId, { teamId, ...(enterpriseId && { enterpriseId }) }),
    content: { kind: "text", text },
    target: slackTarget({
      teamId,
      channelId,
      userId,
      replyTo: id,
      ...way,
    }),
    sentAt: now,
  };
  return { kind: "message", message };
};

const homeOf = (fields: JsonObject): string | undefined =>
  textIn(fields, "team_id") ??
  (isTrue(fields, "is_enterprise_install") ? textIn(fields, "enterprise_id") : undefined);
