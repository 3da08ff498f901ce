import type { Conversation } from "../../core/contract/message.ts";
import type { Origin } from "./parsed.ts";

/**
 * Where a message lies. In a direct chat it is answered beside it, or in the thread where it was
 * asked; everywhere else in the thread that it begins or lies in, so that the room stays readable.
 * What begins a thread is told so only once there is an answer in it: it lies where it lay before.
 */
export const originOf = (
  room: { readonly teamId: string; readonly channelId: string; readonly isDirect: boolean },
  ts: string,
  threadTs: string | undefined,
): Origin => {
  const isRoot = threadTs === undefined || threadTs === ts;
  const { teamId, channelId, isDirect } = room;
  return {
    teamId,
    channelId,
    isDirect,
    threadTs: isDirect && isRoot ? undefined : (threadTs ?? ts),
  };
};

/** The conversation there: a direct chat, or one thread. Bindings name the room. */
export const conversationOf = (
  { channelId, isDirect, threadTs }: Origin,
  isShared = false,
): Conversation => ({
  id: threadTs === undefined ? channelId : `${channelId}/${threadTs}`,
  kind: isDirect ? "direct" : "group",
  ...(threadTs !== undefined && { room: channelId }),
  ...(isShared && { isShared }),
});

/** Kinds of rooms of several people. */
const SHARED = new Set(["channel", "group", "mpim"]);

/**
 * Whether a room is a chat of two. Slack may leave its kind out, or name the place in our app where it
 * was written: `app_home`. Then the id says it.
 */
export const isDirect = (channelId: string, channelType = ""): boolean =>
  channelType === "im" || (channelId.startsWith("D") && !SHARED.has(channelType));
