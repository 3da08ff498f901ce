import type { ReplyTarget } from "../../core/contract/message.ts";
import { readObject, textIn } from "./json.ts";
import { CHANNEL, isSlackId, isTs } from "./types.ts";

/** Where an answer goes in Slack. */
export interface SlackTarget {
  readonly teamId: string;
  /** `C…`, `D…` or `G…`; or `U…` or `W…` for the direct chat with that person. */
  readonly channelId: string;
  /** Root of the thread that is answered in; absent = beside the messages. */
  readonly threadTs?: string | undefined;
  /** `U…` or `W…` of the person who is answered: what grows before their eyes needs it. */
  readonly userId?: string | undefined;
  /** Id of the message that is answered: its time stamp, or what stands in for one. */
  readonly replyTo: string;
  /** Takes five answers within 30 minutes, also where the app is not a member; a secret. */
  readonly responseUrl?: string | undefined;
  /** Time stamp of the message whose card was clicked: it is changed in place. */
  readonly cardTs?: string | undefined;
}

/** The target as core keeps it. */
export const slackTarget = (target: SlackTarget): ReplyTarget => {
  const { teamId, channelId, threadTs = "", userId = "", replyTo, responseUrl, cardTs } = target;
  return {
    channel: CHANNEL,
    workspaceId: teamId,
    appId: "",
    address: `${channelId}/${threadTs}/${userId}`,
    replyTo,
    ...((responseUrl !== undefined || cardTs !== undefined) && {
      cardToken: JSON.stringify({ responseUrl, cardTs }),
    }),
  };
};

/**
 * The direct chat with a person who may never have written to us; posting opens it.
 * @see https://docs.slack.dev/reference/methods/chat.postMessage
 * @param now looking back, nothing from much before it is taken for what is sent there
 */
export const personTarget = (teamId: string, userId: string, now: Date): ReplyTarget | undefined =>
  isSlackId(teamId) && isPerson(userId)
    ? slackTarget({ teamId, channelId: userId, replyTo: (now.getTime() / 1000).toFixed(6) })
    : undefined;

/** Whether an id is that of a person, not of a room. */
export const isPerson = (id: string): boolean => /^[UW]/.test(id) && isSlackId(id);

/** What `slackTarget` was given; undefined for anything else, which no call must be made for. */
export const readTarget = (target: ReplyTarget): SlackTarget | undefined => {
  const { workspaceId: teamId, address, replyTo, cardToken } = target;
  const parts = address.split("/");
  const [channelId, threadTs = "", userId = ""] = parts;
  if (!isSlackId(teamId) || !isSlackId(channelId) || parts.length > 3) return undefined;
  if (threadTs !== "" && !isTs(threadTs)) return undefined;
  if (userId !== "" && !isSlackId(userId)) return undefined;
  const way = cardToken === undefined ? undefined : readObject(cardToken);
  const cardTs = textIn(way, "cardTs");
  return {
    teamId,
    channelId,
    replyTo,
    threadTs: threadTs === "" ? undefined : threadTs,
    userId: userId === "" ? undefined : userId,
    responseUrl: textIn(way, "responseUrl"),
    cardTs: isTs(cardTs) ? cardTs : undefined,
  };
};
