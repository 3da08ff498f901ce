import type { DiscordTarget } from "./target.ts";

/** Where a message is posted in answer to what. */
export interface PostTarget {
  readonly target: DiscordTarget;
  /** The question's room or its thread. */
  readonly channelId: string;
}

/**
 * A message to be posted by the bot: the same nonce makes no second one, and the first message of
 * an answer names the question that it answers, also if that is gone by now.
 */
export const postBody = (
  body: object,
  { target, channelId }: PostTarget,
  nonce: string,
  isFirst: boolean,
): object => ({
  ...body,
  nonce,
  enforce_nonce: true,
  // An interaction is no message, and in a thread the question stands above the first answer.
  ...(isFirst &&
    !target.interaction &&
    channelId === target.channelId && {
      message_reference: { message_id: target.replyTo, fail_if_not_exists: false },
    }),
});
