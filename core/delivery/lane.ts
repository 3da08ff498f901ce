import type { InboundMessage } from "../contract/message.ts";

/** The lane of a conversation: what is answered strictly in order. */
export const conversationLane = (message: InboundMessage): string =>
  JSON.stringify([message.channel, message.workspaceId, message.conversation.id]);

/** The lane that a message waits in: its conversation's, or one of its own if it cannot wait there. */
export const laneOf = (message: InboundMessage): string =>
  endsTurns(message)
    ? JSON.stringify([message.channel, message.workspaceId, message.conversation.id, message.id])
    : conversationLane(message);

/** Which conversation a lane belongs to. */
export const conversationOf = (
  lane: string,
): { readonly workspaceId: string; readonly conversationId: string } => {
  const [, workspaceId = "", conversationId = ""] = JSON.parse(lane) as string[];
  return { workspaceId, conversationId };
};

/** Whether somebody asks to end the running turn of the conversation, so cannot wait for its end. */
export const isStop = ({ content }: InboundMessage): boolean =>
  content.kind === "text" && content.text.trim().toLowerCase() === "/stop";

/** Whether a person has deleted something that they said. */
export const isDeletion = ({ content }: InboundMessage): boolean =>
  content.kind === "event" && content.event.name === "message_deleted";

/** Whether a message may end turns of its conversation, so cannot wait for their end. */
export const endsTurns = (message: InboundMessage): boolean =>
  isStop(message) || isDeletion(message);
