import type { InboundMessage } from "../contract/message.ts";

/** The lane of a conversation: what is answered strictly in order. */
export const conversationLane = (message: InboundMessage): string =>
  JSON.stringify([message.channel, message.workspaceId, message.conversation.id]);

/** The lane that a message waits in: its conversation's, or for a `/stop` one of its own. */
export const laneOf = (message: InboundMessage): string =>
  isStop(message)
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
