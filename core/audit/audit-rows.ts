import type { Insertable } from "kysely";
import type { AuditHeadsTable } from "../store/schema.ts";
import { statement } from "../store/statement.ts";
import type { AuditRow } from "./chain.ts";

// Statements on the audit log and the heads of its chains.

/** PostgreSQL overwrites place and hash; see the migration that chains the log. */
export const insertRecord = statement<AuditRow>()((db, arg) =>
  db.insertInto("audit").values({
    tenant_id: arg("tenant_id"),
    seq: arg("seq"),
    at: arg("at"),
    recorded_at: arg("recorded_at"),
    trace_id: arg("trace_id"),
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
    personal: arg("personal"),
    actor_tag: arg("actor_tag"),
    prev: arg("prev"),
    hash: arg("hash"),
  }),
);

/** Where a tenant's chain has got to. */
export const headOf = statement<{ tenant_id: string }>()((db, arg) =>
  db
    .selectFrom("audit_heads")
    .select(["seq", "recorded_at", "hash"])
    .where("tenant_id", "=", arg("tenant_id")),
);

type NewHead = Pick<Insertable<AuditHeadsTable>, "tenant_id" | "hash"> & {
  readonly seq: number;
  readonly recorded_at: number;
};

// SQLite only: in PostgreSQL the database itself keeps the heads.

/** Moves a chain's head, if it still is what the caller believes it to be. */
export const moveHead = statement<NewHead & { was_seq: number; was_hash: Uint8Array }>()(
  (db, arg) =>
    db
      .updateTable("audit_heads")
      .set({ seq: arg("seq"), recorded_at: arg("recorded_at"), hash: arg("hash") })
      .where("tenant_id", "=", arg("tenant_id"))
      .where("seq", "=", arg("was_seq"))
      .where("hash", "=", arg("was_hash")),
);

/** Sets a chain's head, whatever it was. */
export const setHead = statement<NewHead>()((db, arg) =>
  db
    .insertInto("audit_heads")
    .values({
      tenant_id: arg("tenant_id"),
      seq: arg("seq"),
      recorded_at: arg("recorded_at"),
      hash: arg("hash"),
    })
    .onConflict((conflict) =>
      conflict.column("tenant_id").doUpdateSet((eb) => ({
        seq: eb.ref("excluded.seq"),
        recorded_at: eb.ref("excluded.recorded_at"),
        hash: eb.ref("excluded.hash"),
      })),
    ),
);
