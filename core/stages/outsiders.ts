import type { Sender } from "../contract/message.ts";
import type { Stage } from "../stage.ts";

/** Whether somebody is no person of the organisation whose room it is. */
export const isOutsider = ({ isBot, isExternal = false }: Sender): boolean => isBot || isExternal;

/**
 * Meets programs with silence, so that two of them never talk to each other for ever, and people of
 * other organisations too unless the tenant takes them: a refusal would tell them that it is here.
 */
export const outsiders = (): Stage => (context, next) => {
  const { sender, content } = context.message;
  if (!isOutsider(sender)) return next(context);
  // The platform's own messages, such as a notice that somebody joined.
  if (sender.isBot) {
    return content.kind === "event" ? next(context) : { kind: "silence", reason: "SENDER_IS_BOT" };
  }
  return context.tenant.allowsExternalUsers
    ? next(context)
    : { kind: "silence", reason: "SENDER_IS_EXTERNAL" };
};
