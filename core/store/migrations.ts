import { type Kysely, type Migration, sql } from "kysely";

/** Schema changes in order. A released one is never edited: add the next. */
export const migrations: Record<string, Migration> = {
  "0001-inbox-outbox-audit": {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable("inbox")
        .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
        .addColumn("channel", "text", (c) => c.notNull())
        .addColumn("key", "text", (c) => c.notNull())
        .addColumn("lane", "text", (c) => c.notNull())
        .addColumn("message", "blob", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("attempts", "integer", (c) => c.notNull().defaultTo(0))
        .addColumn("received_at", "integer", (c) => c.notNull())
        .addUniqueConstraint("inbox_once", ["channel", "key"])
        .execute();
      await sql`CREATE INDEX inbox_pending ON inbox (lane, id) WHERE state = 'pending'`.execute(db);

      await db.schema
        .createTable("outbox")
        .addColumn("inbox_id", "integer", (c) => c.notNull().references("inbox.id"))
        .addColumn("part", "integer", (c) => c.notNull())
        .addColumn("lane", "text", (c) => c.notNull())
        .addColumn("tenant_id", "text", (c) => c.notNull())
        .addColumn("channel", "text", (c) => c.notNull())
        .addColumn("target", "blob", (c) => c.notNull())
        .addColumn("body", "blob", (c) => c.notNull())
        .addColumn("fingerprint", "text", (c) => c.notNull())
        .addColumn("via", "text", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("attempts", "integer", (c) => c.notNull().defaultTo(0))
        .addColumn("due_at", "integer", (c) => c.notNull())
        .addColumn("reason", "text")
        .addColumn("created_at", "integer", (c) => c.notNull())
        .addPrimaryKeyConstraint("outbox_part", ["inbox_id", "part"])
        .execute();
      await sql`CREATE INDEX outbox_pending ON outbox (lane, inbox_id, part) WHERE state = 'pending'`.execute(
        db,
      );
      await sql`CREATE INDEX outbox_fingerprint ON outbox (fingerprint, created_at)`.execute(db);

      await db.schema
        .createTable("audit")
        .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
        .addColumn("at", "integer", (c) => c.notNull())
        .addColumn("trace_id", "text", (c) => c.notNull())
        .addColumn("tenant_id", "text", (c) => c.notNull())
        .addColumn("channel", "text", (c) => c.notNull())
        .addColumn("workspace_id", "text", (c) => c.notNull())
        .addColumn("sender_id", "text", (c) => c.notNull())
        .addColumn("message_key", "text", (c) => c.notNull())
        .addColumn("action", "text", (c) => c.notNull())
        .addColumn("subject", "text", (c) => c.notNull())
        .addColumn("decision", "text", (c) => c.notNull())
        .addColumn("code", "text", (c) => c.notNull())
        .addColumn("duration_ms", "integer", (c) => c.notNull())
        .addColumn("detail", "text", (c) => c.notNull())
        .execute();
      for (const change of ["UPDATE", "DELETE"]) {
        await sql
          .raw(
            `CREATE TRIGGER audit_refuses_${change.toLowerCase()} BEFORE ${change} ON audit
             BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
          )
          .execute(db);
      }
    },
  },
};
