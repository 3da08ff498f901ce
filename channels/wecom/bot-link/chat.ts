import type { ReplyTarget } from "../../../core/contract/message.ts";
import { groupOf } from "../bot/parse.ts";

const SINGLE = 1;
const GROUP = 2;

/**
 * The chat as `aibot_send_msg` wants it. Its kind is always said: without it a person's id is first
 * tried as a group's.
 * @see https://developer.work.weixin.qq.com/document/path/101463
 */
export const chatOf = ({ address }: ReplyTarget): { chatid: string; chat_type: number } => {
  const group = groupOf(address);
  return group === undefined
    ? { chatid: address, chat_type: SINGLE }
    : { chatid: group, chat_type: GROUP };
};

/** One name for a chat, however the case of a user id. */
export const chatKey = ({ address }: ReplyTarget): string =>
  groupOf(address) === undefined ? address.toLowerCase() : address;
