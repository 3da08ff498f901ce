import type { Reply } from "../contract/reply.ts";
import { conversationLane, isDeletion } from "../delivery/lane.ts";
import type { RunningTurns } from "../delivery/running-turns.ts";
import type { ReviewQueue } from "../reviews/reviews.ts";
import type { Context, Next, Stage } from "../stage.ts";
import { tenantScope } from "../store/scope.ts";

interface WithdrawParts {
  readonly turns: Pick<RunningTurns, "withdraw">;
  readonly reviews: Pick<ReviewQueue, "withdraw">;
}

/**
 * Ends the question whose message its sender has deleted, where it waits, runs, is held for a
 * reviewer or has yet to come; what is answered already stays.
 */
export const withdraw =
  (parts: WithdrawParts): Stage =>
  (context, next) => {
    const { content } = context.message;
    if (content.kind !== "event" || !isDeletion(context.message)) return next(context);
    const { id: messageId } = content.event.fields;
    return messageId === undefined ? next(context) : withdrawn(parts, context, messageId, next);
  };

const withdrawn = async (
  { turns, reviews }: WithdrawParts,
  context: Context,
  messageId: string,
  next: Next,
): Promise<Reply> => {
  const { message, tenant, traceId, note } = context;
  const { channel, sender } = message;
  const conversation = { id: conversationLane(message), tenantId: tenant.id };
  const said = { channel, messageId, senderId: sender.id };
  const { ids, isAhead } = await turns.withdraw(conversation, said);
  // After that: what was held in between is there by now, and nothing more can be.
  const held = await reviews.withdraw(message, traceId, tenantScope(tenant.id), messageId);
  note?.("about", messageId);
  note?.("withdrawn", ids.length + held);
  if (isAhead) note?.("ahead", 1);
  const isOver = isAhead || ids.length + held > 0;
  return isOver ? { kind: "silence", reason: "QUESTION_WITHDRAWN" } : next(context);
};
