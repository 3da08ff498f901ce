import type { RoleIndex } from "../../config/roles.ts";
import type { InboundEvent } from "../contract/message.ts";
import type { Reply } from "../contract/reply.ts";
import { greeting } from "../greeting.ts";
import type { SkillRunner } from "../skill-runner.ts";
import type { Context, Stage } from "../stage.ts";
import { suggestionsFor } from "../suggestions.ts";
import type { Welcomed } from "../welcomed.ts";
import { mayChat } from "./authorize.ts";

export interface WelcomeParts {
  readonly roles: RoleIndex;
  readonly skills: Pick<SkillRunner, "allowedFor">;
  readonly welcomed: Welcomed;
}

/**
 * Greets whoever opens the conversation or joins, once a day, and each time suggests what to ask;
 * never who would be refused.
 */
export const welcome =
  (parts: WelcomeParts): Stage =>
  (context, next) => {
    const { content, sender } = context.message;
    const isArrival =
      content.kind === "event" &&
      (content.event.name === "app_opened" || content.event.name === "member_joined");
    return isArrival && !sender.isBot && mayChat(parts.roles, context.message)
      ? greet(parts, context, content.event)
      : next(context);
  };

const greet = async (
  { skills, welcomed }: WelcomeParts,
  context: Context,
  event: InboundEvent,
): Promise<Reply> => {
  const { message, tenant } = context;
  const names = skills.allowedFor(context).map(({ name }) => name);
  if (event.name === "app_opened") context.suggest?.(suggestionsFor(context, names));
  if (!(await welcomed.markToday(tenant.id, message))) {
    return { kind: "silence", reason: "WELCOMED_TODAY" };
  }
  return { kind: "text", markdown: greeting(context, names) };
};
