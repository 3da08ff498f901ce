import type { Generated } from "kysely";

/** All tables. Instants are epoch milliseconds; `sealed` columns are what ContentCipher makes. */
export interface Tables {
  inbox: InboxTable;
  outbox: OutboxTable;
  audit: AuditTable;
  audit_heads: AuditHeadsTable;
  processes: ProcessesTable;
  data_keys: DataKeysTable;
  api_keys: ApiKeysTable;
  channel_state: ChannelStateTable;
  model_costs: ModelCostsTable;
  rate_limits: RateLimitsTable;
  memory: MemoryTable;
  memory_tokens: MemoryTokensTable;
  memory_foldings: MemoryFoldingsTable;
  consents: ConsentsTable;
  legal_holds: LegalHoldsTable;
  reviews: ReviewsTable;
}

/** Every message that was accepted in the last days; the pending rows are the work to do. */
export interface InboxTable {
  /** Order of arrival. */
  id: Generated<number>;
  channel: string;
  /** The adapter's de-duplication key; (channel, key) is unique. */
  key: string;
  /** What is answered strictly in order: channel, workspace and conversation in one string. */
  lane: string;
  /** Whose message it is as far as known at arrival; whose key sealed it. Decided again in its turn. */
  tenant_id: string;
  /** Sealed: the InboundMessage as JSON. */
  message: Uint8Array;
  /**
   * `pending`: no reply yet. `answered`: its reply is stored and not all of it is out yet.
   * `done`: nothing is left to do. `dead`: it cannot be answered, or its reply not be delivered,
   * until an operator replays it.
   */
  state: "pending" | "answered" | "done" | "dead";
  /** How often a turn was begun: above 1 means that a process died under it. */
  attempts: Generated<number>;
  /** The process that works on it, as long as that process lives; empty for none. */
  owner: Generated<string>;
  /** 1 once somebody asked to end its running turn. */
  stop: Generated<number>;
  /** Why it is dead or was given up, or that its sender took it back; without user text. */
  reason: string | null;
  received_at: number;
}

/** Every part of every reply, stored before it is sent. */
export interface OutboxTable {
  tenant_id: string;
  inbox_id: number;
  /** 0-based position within the reply. */
  part: number;
  lane: string;
  channel: string;
  /** Sealed: ReplyTarget and body as JSON. */
  content: Uint8Array;
  /** Keyed hash of receiver and body: finds an identical text that went to the same person before. */
  fingerprint: Uint8Array;
  /** `inline`: travels in the response to the callback; `send`: by the platform's API. */
  via: "inline" | "send";
  state: "pending" | "delivered" | "dead";
  attempts: Generated<number>;
  /** 1 while it is not known whether the last try reached the platform. */
  unsure: Generated<number>;
  /** The process that sends it, as long as that process lives; empty for none. */
  owner: Generated<string>;
  /** Not to be sent before. */
  due_at: number;
  /** Why it is dead, waits or is taken for delivered; without user text. */
  reason: string | null;
  created_at: number;
}

/** What happened, append-only (triggers refuse updates and deletes), a chain for each tenant. */
export interface AuditTable {
  tenant_id: string;
  /** 1 for the tenant's first, without gaps. */
  seq: number;
  /** When it began. */
  at: number;
  /** When it was over; never before the record before it. */
  recorded_at: number;
  trace_id: string;
  channel: string;
  workspace_id: string;
  /** An operator; empty where `personal` says who it was. */
  sender_id: string;
  /** Empty: it is in `personal`. Only records from before the log was chained have it here. */
  message_key: string;
  action: string;
  subject: string;
  decision: string;
  code: string;
  duration_ms: number;
  /** JSON; `{}` where it is in `personal`. */
  detail: string;
  /** Sealed: sender, message key and detail of what a person did, as JSON. */
  personal: Uint8Array | null;
  /** Keyed hash of the sender: finds what a person did. */
  actor_tag: Uint8Array | null;
  /** `hash` of the record before. */
  prev: Uint8Array;
  /** SHA-256 of `prev`, place and record. PostgreSQL makes it of the record's digest inserted here. */
  hash: Uint8Array;
}

/** Where each tenant's chain of audit records has got to, and where it begins. */
export interface AuditHeadsTable {
  tenant_id: string;
  /** Of the newest record, like `recorded_at` and `hash`. */
  seq: Generated<number>;
  recorded_at: Generated<number>;
  hash: Uint8Array;
  /** The records up to this one were removed for their age; 0 for none. */
  cut_seq: Generated<number>;
  /** The hash of that record, when it was cut, and the signature of both. */
  cut_hash: Generated<Uint8Array | null>;
  cut_at: Generated<number | null>;
  cut_signature: Generated<Uint8Array | null>;
}

/** The processes that work on this store; one whose lease ran out is dead, and its work anybody's. */
export interface ProcessesTable {
  id: string;
  /** Since when platforms reach it; 0 when they do not. */
  gateway_since: Generated<number>;
  renewed_at: Generated<number>;
  lease_until: number;
}

/** The keys that tenants' content is sealed under, each wrapped by a master key. */
export interface DataKeysTable {
  tenant_id: string;
  /** 1 for the first; the highest seals, every one opens. */
  version: number;
  /** Opaque: what KeyManagement.wrap made. */
  wrapped: Uint8Array;
  /** Which master key wrapped it. */
  master_id: string;
  created_at: number;
}

/** Credentials for the HTTP API. Only a hash is stored. */
export interface ApiKeysTable {
  /** The tenant that the key is confined to; `_platform` for operators of all tenants. */
  tenant_id: string;
  /** Public part of the key, random. */
  id: string;
  /** SHA-256 of the whole key. */
  hash: Uint8Array;
  /** What the key is for, as its maker wrote it. */
  label: string;
  /** JSON array of permission names. */
  permissions: string;
  created_at: number;
  /** 0 = never. */
  expires_at: number;
  /** 0 = it was not. */
  revoked_at: number;
}

/** What channels remember across processes and restarts. */
export interface ChannelStateTable {
  /** `_platform`: a channel's own affairs belong to no tenant. */
  tenant_id: string;
  channel: string;
  key: string;
  /** Sealed: text. */
  value: Uint8Array;
  /** Drawn anew with every change. */
  version: number;
  /** From then on it counts as absent. */
  expires_at: number;
}

/** What a tenant's models cost, one row a month. Amounts are billionths of a US dollar. */
export interface ModelCostsTable {
  tenant_id: string;
  /** In the tenant's time zone, e.g. `2026-03`. */
  month: string;
  /** What calls cost that are over. */
  spent: Generated<number>;
  /** The most that calls can cost that are under way, or whose process died under them. */
  reserved: Generated<number>;
  /** The budget whose threshold was told of; -1 = none was. */
  warned_of: Generated<number>;
  /** The budget whose end was told of; -1 = none was. */
  refused_of: Generated<number>;
}

/** How fast people write: a token bucket each, shared by all replicas. Instants are epoch microseconds. */
export interface RateLimitsTable {
  tenant_id: string;
  /** `user/` and the sender, or `tenant`. */
  key: string;
  /** When the bucket will be full again. */
  full_at: number;
  /** The sender has been told until then. */
  told_until: Generated<number>;
}

/** Every answered question with its answer, as they went on past the content rules. */
export interface MemoryTable {
  tenant_id: string;
  /** 12 bytes that sort by when it was said; see core/memory/row-id.ts. */
  id: Uint8Array;
  /** Keyed hash of who asked. */
  person: Uint8Array;
  /** Keyed hash of the conversation and who asked in it. */
  conversation: Uint8Array;
  channel: string;
  /** Sealed: who asked, question and answer as JSON. */
  content: Uint8Array;
  /**
   * 0 until its tokens are stored; then the number of the folding that made them, or 1 where that
   * had none: it was not the tenant's, or of a version that did not count.
   */
  indexed: Generated<number>;
}

/** What memory is found by. */
export interface MemoryTokensTable {
  tenant_id: string;
  /** Keyed hash of a word, or of two CJK characters in a row. */
  token: Uint8Array;
  memory_id: Uint8Array;
}

/** By which folding a tenant's memory is to be indexed: that of the gateway that started last. */
export interface MemoryFoldingsTable {
  tenant_id: string;
  /** SHA-256 of all by which a text gets its tokens. */
  fingerprint: Uint8Array;
  /** 2 for the tenant's first; one more for each that took the place of another. */
  number: number;
}

/** Every decision of a person about being processed; the last one counts. */
export interface ConsentsTable {
  tenant_id: string;
  /** Keyed hash of the person. */
  person: Uint8Array;
  /** As in `memory`: sorts by when it was decided. */
  id: Uint8Array;
  decision: "yes" | "no";
  /** Version of the wording that they were shown. */
  wording: string;
  /** Sealed: who it was, as JSON. */
  content: Uint8Array;
}

/** Whose data must be kept, whatever their age and whoever asks. */
export interface LegalHoldsTable {
  tenant_id: string;
  /** Keyed hash of the person; empty = everybody of the tenant. */
  person: Uint8Array;
  since: number;
}

/** What is held until a person has looked at it, and for a while what they decided. */
export interface ReviewsTable {
  tenant_id: string;
  /** Random letters; see core/reviews/review-id.ts. */
  id: string;
  /** `in`: a message. `out`: the answer to one. */
  direction: "in" | "out";
  /** `expired`: nobody decided in time. `withdrawn`: its sender took it back before that. */
  state: "pending" | "released" | "rejected" | "expired" | "withdrawn";
  /** Of the turn that was held. */
  trace_id: string;
  /** Sealed: message, answer, what is to be read, and the terms' ids as JSON; empty once decided. */
  content: Uint8Array;
  held_at: number;
  /** 0 while it is pending. */
  decided_at: Generated<number>;
  /** Keyed hash of its sender; null once decided, or held before senders could take it back. */
  person: Uint8Array | null;
  /** Keyed hash of what they said, edits included. */
  said: Uint8Array | null;
}
