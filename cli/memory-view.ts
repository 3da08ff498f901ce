import type { PersonExport } from "../core/data-rights/export-person.ts";
import type { MemoryHit } from "../core/memory/memory.ts";
import { auditView } from "./audit-view.ts";

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

/** Everything about a person as it is handed to them. */
export const personExportView = (tenant: string, person: string, data: PersonExport) => ({
  kind: "person_export",
  tenant,
  person,
  at: data.at.toISOString(),
  memory: data.memory.map(exchangeView),
  messages: data.messages.map(({ id, state, receivedAt, message, replies }) => ({
    id,
    state,
    received_at: receivedAt.toISOString(),
    sent_at: message.sentAt,
    conversation: message.conversation,
    sender: message.sender,
    content: message.content,
    replies,
  })),
  waiting_for_review: data.held.map(({ id, direction, heldAt, text, message }) => ({
    id,
    direction,
    held_at: heldAt.toISOString(),
    text,
    content: message.content,
  })),
  consents: data.consents.map(({ at, decision, wording }) => ({
    at: at.toISOString(),
    decision,
    wording,
  })),
  legal_holds: data.holds.map(({ on, since }) => ({ on, since: since.toISOString() })),
  remembered_by_channels: data.remembered,
  rate_limits: data.rates.map(({ fullAt }) => ({ full_at: fullAt.toISOString() })),
  audit: data.audit.map(auditView),
});
