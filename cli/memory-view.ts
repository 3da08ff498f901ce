import type { MemoryHit } from "../core/memory/memory.ts";

/** An exchange as the API and the verbs show it. */
export const exchangeView = (hit: MemoryHit) => ({
  id: hit.id,
  at: hit.at.toISOString(),
  channel: hit.channel,
  workspace: hit.workspaceId,
  user: hit.senderId,
  text: hit.question,
  answer: hit.answer,
});
