import type { InboundMessage } from "./contract/message.ts";
import type { Store } from "./store/store.ts";

/** Holds what belongs to no tenant: unknown tenants, forgeries, operators' actions. Not a legal tenant id. */
export const PLATFORM_SCOPE = "_platform";

/** Who did what, and what was decided. Never what was said. */
export interface AuditRecord {
  readonly at: Date;
  readonly traceId: string;
  readonly tenantId: string;
  /** Whose action it was; absent for what came from nobody that we know. */
  readonly message?: Pick<InboundMessage, "channel" | "workspaceId" | "sender" | "id">;
  /** Only where there is no message: the channel it came by. */
  readonly channel?: string;
  readonly action: "message" | "skill.run" | "webhook";
  /** What was acted on: the kind of message, or the skill's name. */
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
}

export const createAuditLog = (store: Store): AuditLog => ({
  record: async (record) => {
    await store.note((transaction) =>
      transaction
        .insertInto("audit")
        .values({
          at: record.at.getTime(),
          trace_id: record.traceId,
          tenant_id: record.tenantId,
          channel: record.message?.channel ?? record.channel ?? "",
          workspace_id: record.message?.workspaceId ?? "",
          sender_id: record.message?.sender.id ?? "",
          message_key: record.message?.id ?? "",
          action: record.action,
          subject: record.subject,
          decision: record.decision,
          code: record.code,
          duration_ms: Math.max(0, Math.round(record.durationMs)),
          detail: JSON.stringify(record.detail ?? {}),
        })
        .execute(),
    );
  },
});
