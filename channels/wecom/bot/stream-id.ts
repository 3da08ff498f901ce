import type { ReplyTarget } from "../../../core/contract/message.ts";
import { STATE_NAME_DIGITS, stateName } from "../../../core/contract/state-key.ts";
import { groupOf } from "./parse.ts";

/**
 * The id of the stream that answers a message: the same for every redelivery and in every process.
 * All streams of a conversation start with `conversationOf` it.
 */
export const streamIdOf = (target: ReplyTarget): string => {
  const address =
    groupOf(target.address) === undefined ? target.address.toLowerCase() : target.address;
  const conversation = stateName(target.workspaceId, target.appId, address);
  return `${conversation}.${stateName(target.replyTo)}`;
};

/** What the streams of one conversation have in common. */
export const conversationOf = (streamId: string): string =>
  streamId.slice(0, STATE_NAME_DIGITS + 1);

/** Whether it can be one of ours. */
export const isStreamId = (id: string): boolean =>
  /^[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{22}$/.test(id);
