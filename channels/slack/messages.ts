import type { Attachment, InboundMessage, Sender } from "../../core/contract/message.ts";
import { readAttachments } from "./attachments.ts";
import { type JsonObject, objectsIn, textIn } from "./json.ts";
import { conversationOf, originOf } from "./origin.ts";
import type { Parsed } from "./parsed.ts";
import { isFromProgram } from "./programs.ts";
import { slackTarget } from "./target.ts";
import { mentions, readText, withoutMention } from "./text.ts";
import { CHANNEL, dateOfTs, isSlackId, isTs } from "./types.ts";

/** What is around every event. */
export interface Envelope {
  /** The workspace that the app is installed in. */
  readonly teamId: string;
  readonly enterpriseId?: string;
  /** Installed for the whole organisation. */
  readonly isEnterprise: boolean;
  /** Who we are there, as far as known. */
  readonly botUserId?: string;
  /** The room is shared with another organisation. */
  readonly isShared: boolean;
  readonly eventId: string | undefined;
  readonly at: Date;
}

/** What is known of a message before it is read. */
export interface Spoken {
  readonly room: { readonly channelId: string; readonly isDirect: boolean } | undefined;
  /** Slack says itself that we were called. */
  readonly isCalled?: boolean;
  /** When its words were changed: they are said anew. */
  readonly editedTs?: string;
}

/** What a person wrote, if a person did, and whether it is meant for us. */
export const readMessage = (
  message: JsonObject,
  envelope: Envelope,
  { room, isCalled = false, editedTs }: Spoken,
): Parsed => {
  const ts = textIn(message, "ts");
  const userId = textIn(message, "user");
  if (isFromProgram(message)) return ignored("FROM_PROGRAM");
  if (!room || !isTs(ts) || !isSlackId(userId)) return ignored("NOT_READABLE");
  const { teamId, botUserId } = envelope;
  if (userId === botUserId) return ignored("OURS");
  const threadTs = textIn(message, "thread_ts");
  if (threadTs !== undefined && !isTs(threadTs)) return ignored("NOT_READABLE");
  const written = textIn(message, "text") ?? "";
  const isAddressed =
    room.isDirect || isCalled || (botUserId !== undefined && mentions(written, botUserId));
  // Slack tells of a mention twice; where only one of the two says who is meant, that one counts.
  if (!isAddressed && botUserId === undefined && written.includes("<@")) {
    return { kind: "who_are_we", teamId };
  }
  // The same for both events of a mention, so that they are one message.
  const id = idOf(teamId, room.channelId, ts, editedTs);
  const origin = originOf({ teamId, ...room }, ts, threadTs);
  const isOurThread = botUserId !== undefined && textIn(message, "parent_user_id") === botUserId;
  const thread = { teamId, channelId: room.channelId, ts: threadTs ?? ts };
  const parsed: InboundMessage = {
    id,
    channel: CHANNEL,
    workspaceId: teamId,
    conversation: conversationOf(origin, envelope.isShared),
    sender: senderOf(message, userId, envelope),
    content: {
      kind: "text",
      text: readText(withoutMention(written, isCalled ? botUserId : (botUserId ?? ""))),
      ...quoteIn(message),
      ...attached(readAttachments(message)),
      ...(isCalled && !isWhole(message) && { isPartial: true }),
    },
    target: slackTarget({
      teamId,
      channelId: room.channelId,
      userId,
      replyTo: id,
      threadTs: origin.threadTs,
    }),
    sentAt: editedTs === undefined ? dateOfTs(ts) : dateOfTs(editedTs),
  };
  if (room.isDirect) {
    const { channelId } = room;
    const asksFrom = { teamId, userId, channelId, threadTs };
    return { kind: "message", message: parsed, asksFrom };
  }
  if (isAddressed || isOurThread) {
    const tellsFiles = !isCalled && editedTs === undefined;
    return { kind: "message", message: parsed, joins: thread, ...(tellsFiles && { tellsFiles }) };
  }
  // Without an answer in it, a message is the root of no thread of ours; an edited one may be.
  if (threadTs === undefined && editedTs === undefined) return ignored("NOT_ADDRESSED");
  return { kind: "message", message: parsed, ifIn: thread };
};

/** A message has one name, in whatever events it comes; its words after an edit have another. */
export const idOf = (teamId: string, channelId: string, ts: string, editedTs?: string): string =>
  `${teamId}/${channelId}/${ts}${editedTs === undefined ? "" : `/edit/${editedTs}`}`;

/**
 * Whether the person is of another organisation, where the message says it: somebody whose home is
 * the workspace of the installation, or its organisation, is not. In an organisation's other
 * workspaces the ids do not tell; nor where Slack leaves the home out. Then it has to be asked.
 */
export const senderOf = (
  said: JsonObject,
  userId: string,
  { teamId, enterpriseId }: Pick<Envelope, "teamId" | "enterpriseId">,
): Sender => {
  const userTeam = textIn(said, "user_team");
  const sourceTeam = textIn(said, "source_team");
  const isElsewhere = (home: string | undefined): boolean =>
    home !== undefined && home !== teamId && home !== enterpriseId;
  const isForeign = isElsewhere(userTeam) || isElsewhere(sourceTeam);
  const hasHome = userTeam !== undefined || sourceTeam !== undefined;
  const isTold = hasHome && (!isForeign || enterpriseId === undefined);
  const sender = { id: userId, displayName: "", isBot: false, departments: [], roles: [] };
  // What stands behind a spread is added by a slow way.
  return isTold ? { isExternal: isForeign, ...sender } : sender;
};

/** What was forwarded with the message: somebody else's words. */
const quoteIn = (message: JsonObject): { readonly quote?: string } => {
  const words = objectsIn(message, "attachments")
    .filter((shared) => shared.is_share === true || shared.is_msg_unfurl === true)
    .flatMap((shared) => textIn(shared, "text") ?? []);
  return words.length === 0 ? {} : { quote: readText(words.join("\n\n")) };
};

/** Whether an event that need not tell of files does so. */
const isWhole = (message: JsonObject): boolean => {
  const files = objectsIn(message, "files");
  return files.length > 0 && files.every((file) => textIn(file, "mimetype") !== undefined);
};

const attached = (attachments: readonly Attachment[]) =>
  attachments.length === 0 ? {} : { attachments };

const ignored = (reason: string): Parsed => ({ kind: "ignored", reason });
