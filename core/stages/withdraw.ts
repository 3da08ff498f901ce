import { conversationLane, isDeletion } from "../delivery/lane.ts";
import type { RunningTurns } from "../delivery/running-turns.ts";
import type { Stage } from "../stage.ts";

/**
 * Ends the question whose message its sender has deleted, where it waits or runs; what is answered
 * already stays.
 */
export const withdraw =
  (turns: RunningTurns): Stage =>
  async ({ message, tenant, note }, next) => {
    const { content, sender } = message;
    if (content.kind !== "event" || !isDeletion(message)) return next();
    const { id: messageId } = content.event.fields;
    if (messageId === undefined) return next();
    const conversation = { id: conversationLane(message), tenantId: tenant.id };
    const withdrawn = await turns.withdraw(conversation, { messageId, senderId: sender.id });
    note?.("about", messageId);
    note?.("withdrawn", withdrawn);
    return withdrawn === 0 ? next() : { kind: "silence", reason: "QUESTION_WITHDRAWN" };
  };
