import type { InboundMessage } from "../../core/contract/message.ts";

/** A text message from `sender`; messages of one sender form one conversation. */
export const textMessage = (id: string, text = "hello", sender = "wei"): InboundMessage => ({
  id,
  channel: "test",
  workspaceId: "corp",
  conversation: { id: sender, kind: "direct" },
  sender: { id: sender, displayName: sender, isBot: false, departments: [], roles: [] },
  content: { kind: "text", text },
  target: { channel: "test", workspaceId: "corp", appId: "1", address: sender, replyTo: id },
  sentAt: new Date(0),
});
