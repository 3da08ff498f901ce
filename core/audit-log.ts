import type { Insertable } from "kysely";
import type { InboundMessage } from "./contract/message.ts";
import type { AuditTable } from "./store/schema.ts";
import type { TenantScope } from "./store/scope.ts";
import { statement } from "./store/statement.ts";
import type { Store, Transaction } from "./store/store.ts";

/** Who did what, and what was decided. Never what was said. */
export interface AuditRecord {
  readonly at: Date;
  readonly traceId: string;
  readonly scope: TenantScope;
  /** Whose action it was; absent for what came from nobody that we know. */
  readonly message?: Pick<InboundMessage, "channel" | "workspaceId" | "sender" | "id">;
  /** Only where there is no message: the channel it came by. */
  readonly channel?: string;
  /** Only where there is no message: the operator, `cli` or the id of an API key. */
  readonly actor?: string;
  readonly action:
    | "message"
    | "skill.run"
    | "webhook"
    | "api"
    | "key.rotate"
    | "model.call"
    | "budget.alert"
    | `queue.${"list" | "show" | "replay" | "drop"}`
    | `key.${"create" | "list" | "revoke"}`;
  /** What was acted on: the kind of message, the skill's name, an id, or the step of a rotation. */
  readonly subject: string;
  readonly decision: "answered" | "refused" | "silent" | "allowed" | "failed";
  /** Stable reason code; `OK` when there is nothing to explain. */
  readonly code: string;
  readonly durationMs: number;
  /** Facts for an auditor, without user text, e.g. the skill's digest. */
  readonly detail?: Readonly<Record<string, string | number>>;
}

/** Append-only; a record that was written is never changed. */
export interface AuditLog {
  /** Resolves once written. A turn whose record cannot be written must not go on. */
  record(record: AuditRecord): Promise<void>;
  /** Writes within a transaction of the record's own scope: what it tells happens with it or not at all. */
  recordIn(transaction: Transaction, record: AuditRecord): Promise<void>;
}

export const createAuditLog = (store: Store): AuditLog => {
  const recordIn: AuditLog["recordIn"] = async (transaction, record) => {
    await transaction.run(insertRecord, {
      at: record.at.getTime(),
      trace_id: record.traceId,
      tenant_id: record.scope.tenantId,
      channel: record.message?.channel ?? record.channel ?? "",
      workspace_id: record.message?.workspaceId ?? "",
      sender_id: record.message?.sender.id ?? record.actor ?? "",
      message_key: record.message?.id ?? "",
      action: record.action,
      subject: record.subject,
      decision: record.decision,
      code: record.code,
      duration_ms: Math.max(0, Math.round(record.durationMs)),
      detail: JSON.stringify(record.detail ?? {}),
    });
  };
  return {
    recordIn,
    record: (record) => store.note(record.scope, (transaction) => recordIn(transaction, record)),
  };
};

const insertRecord = statement<Insertable<AuditTable>>()((db, arg) =>
  db.insertInto("audit").values({
    at: arg("at"),
    trace_id: arg("trace_id"),
    tenant_id: arg("tenant_id"),
    channel: arg("channel"),
    workspace_id: arg("workspace_id"),
    sender_id: arg("sender_id"),
    message_key: arg("message_key"),
    action: arg("action"),
    subject: arg("subject"),
    decision: arg("decision"),
    code: arg("code"),
    duration_ms: arg("duration_ms"),
    detail: arg("detail"),
  }),
);
