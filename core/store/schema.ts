import type { Generated } from "kysely";

/** All tables. Instants are epoch milliseconds; text that a person wrote is bytes. */
export interface Tables {
  inbox: InboxTable;
  outbox: OutboxTable;
  audit: AuditTable;
}

/** Every message that was ever accepted; the pending rows are the work to do. */
export interface InboxTable {
  /** Order of arrival. */
  id: Generated<number>;
  channel: string;
  /** The adapter's de-duplication key; (channel, key) is unique. */
  key: string;
  /** What is answered strictly in order: channel, workspace and conversation in one string. */
  lane: string;
  /** The InboundMessage as JSON. */
  message: Uint8Array;
  state: "pending" | "done";
  /** How often a turn was begun: above 1 means that a process died under it. */
  attempts: Generated<number>;
  received_at: number;
}

/** Every part of every reply, stored before it is sent. */
export interface OutboxTable {
  inbox_id: number;
  /** 0-based position within the reply. */
  part: number;
  lane: string;
  tenant_id: string;
  channel: string;
  /** The ReplyTarget as JSON. */
  target: Uint8Array;
  body: Uint8Array;
  /** SHA-256 of receiver and body: finds an identical text that went to the same person before. */
  fingerprint: string;
  /** `inline`: travels in the response to the callback; `send`: by the platform's API. */
  via: "inline" | "send";
  state: "pending" | "delivered" | "dead";
  attempts: Generated<number>;
  /** Not to be sent before. */
  due_at: number;
  /** Why it is dead or waits, without user text. */
  reason: string | null;
  created_at: number;
}

/** What happened, append-only (triggers refuse updates and deletes). */
export interface AuditTable {
  id: Generated<number>;
  at: number;
  trace_id: string;
  tenant_id: string;
  channel: string;
  workspace_id: string;
  sender_id: string;
  message_key: string;
  action: string;
  subject: string;
  decision: string;
  code: string;
  duration_ms: number;
  detail: string;
}
