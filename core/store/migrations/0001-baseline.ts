import { type Kysely, sql } from "kysely";
import type { DialectName } from "../statement.ts";
import { COLUMN_TYPES, type ColumnTypes } from "./column-types.ts";
import { enforce, policy, raiseWall } from "./wall.ts";

/** The tables of the first release. */
export const createBaseline = (db: Kysely<unknown>, dialect: DialectName): Promise<void> =>
  dialect === "sqlite" ? createInSqlite(db) : createInPostgres(db);

const createInSqlite = async (db: Kysely<unknown>): Promise<void> => {
  await createTables(db, COLUMN_TYPES.sqlite);
  await sql`CREATE INDEX audit_by_tenant ON audit (tenant_id, id)`.execute(db);
  for (const change of ["UPDATE", "DELETE"]) {
    await sql
      .raw(
        `CREATE TRIGGER audit_refuses_${change.toLowerCase()} BEFORE ${change} ON audit
         BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
      )
      .execute(db);
  }
};

const createInPostgres = async (db: Kysely<unknown>): Promise<void> => {
  await createTables(db, COLUMN_TYPES.postgres);
  await sql`ALTER TABLE inbox ADD PRIMARY KEY (id)`.execute(db);
  await sql`ALTER TABLE outbox ADD FOREIGN KEY (inbox_id) REFERENCES inbox (id) ON DELETE CASCADE`.execute(
    db,
  );
  await sql`ALTER TABLE audit ADD PRIMARY KEY (tenant_id, id)`.execute(db);
  await sql`CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$`.execute(db);
  await sql`CREATE TRIGGER audit_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`.execute(db);
  for (const table of ["inbox", "outbox", "audit", "data_keys", "api_keys"]) {
    await raiseWall(db, table);
  }
  await policy(db, "inbox", "intake", sql`current_setting('clawgate.access', true) = 'intake'`);
  // Holds nothing of a tenant, but nobody sees it without saying who asks.
  await enforce(db, "processes");
  await policy(
    db,
    "processes",
    "known",
    sql`current_setting('clawgate.access', true) <> '' OR current_setting('clawgate.tenant', true) <> ''`,
  );
};

const createTables = async (db: Kysely<unknown>, types: ColumnTypes): Promise<void> => {
  const isSqlite = types.bytes === "BLOB";
  const reference = isSqlite ? " REFERENCES inbox (id) ON DELETE CASCADE" : "";
  for (const text of [
    `CREATE TABLE inbox (
      id ${types.id}${isSqlite ? " AUTOINCREMENT" : ""},
      channel TEXT NOT NULL,
      key TEXT NOT NULL,
      lane ${types.name} NOT NULL,
      tenant_id ${types.name} NOT NULL,
      message ${types.bytes} NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('pending', 'answered', 'done', 'dead')),
      attempts ${types.integer} NOT NULL DEFAULT 0,
      owner TEXT NOT NULL DEFAULT '',
      stop ${types.integer} NOT NULL DEFAULT 0,
      reason TEXT,
      received_at ${types.integer} NOT NULL,
      UNIQUE (channel, key)
    )`,
    "CREATE INDEX inbox_pending ON inbox (tenant_id, lane, id) WHERE state = 'pending'",
    "CREATE INDEX inbox_answered ON inbox (tenant_id, lane) WHERE state = 'answered'",
    "CREATE INDEX inbox_dead ON inbox (tenant_id, id) WHERE state = 'dead'",
    "CREATE INDEX inbox_dead_by_age ON inbox (id) WHERE state = 'dead'",
    "CREATE INDEX inbox_stop ON inbox (owner) WHERE stop = 1",
    `CREATE TABLE outbox (
      tenant_id ${types.name} NOT NULL,
      inbox_id ${types.integer} NOT NULL${reference},
      part ${types.integer} NOT NULL,
      lane ${types.name} NOT NULL,
      channel TEXT NOT NULL,
      content ${types.bytes} NOT NULL,
      fingerprint ${types.bytes} NOT NULL,
      via TEXT NOT NULL CHECK (via IN ('inline', 'send')),
      state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
      attempts ${types.integer} NOT NULL DEFAULT 0,
      unsure ${types.integer} NOT NULL DEFAULT 0,
      owner TEXT NOT NULL DEFAULT '',
      due_at ${types.integer} NOT NULL,
      reason TEXT,
      created_at ${types.integer} NOT NULL,
      PRIMARY KEY (inbox_id, part, tenant_id)
    )`,
    `CREATE INDEX outbox_pending ON outbox (tenant_id, lane, inbox_id, part)
      WHERE state = 'pending'`,
    // Of what was ever sent: what travels in a response never needs to be found by it.
    `CREATE INDEX outbox_fingerprint ON outbox (tenant_id, fingerprint, created_at)
      WHERE attempts > 0`,
    `CREATE TABLE audit (
      id ${types.id}${isSqlite ? " AUTOINCREMENT" : ""},
      tenant_id ${types.name} NOT NULL,
      at ${types.integer} NOT NULL,
      trace_id TEXT NOT NULL,
      channel TEXT NOT NULL,
      workspace_id TEXT NOT NULL,
      sender_id TEXT NOT NULL,
      message_key TEXT NOT NULL,
      action TEXT NOT NULL,
      subject TEXT NOT NULL,
      decision TEXT NOT NULL,
      code TEXT NOT NULL,
      duration_ms ${types.integer} NOT NULL,
      detail TEXT NOT NULL
    )`,
    `CREATE TABLE processes (
      id TEXT PRIMARY KEY,
      gateway_since ${types.integer} NOT NULL DEFAULT 0,
      renewed_at ${types.integer} NOT NULL DEFAULT 0,
      lease_until ${types.integer} NOT NULL
    )`,
    `CREATE TABLE data_keys (
      tenant_id ${types.name} NOT NULL,
      version ${types.integer} NOT NULL,
      wrapped ${types.bytes} NOT NULL,
      master_id TEXT NOT NULL,
      created_at ${types.integer} NOT NULL,
      PRIMARY KEY (tenant_id, version)
    )`,
    `CREATE TABLE api_keys (
      tenant_id ${types.name} NOT NULL,
      id TEXT NOT NULL,
      hash ${types.bytes} NOT NULL,
      label TEXT NOT NULL,
      permissions TEXT NOT NULL,
      created_at ${types.integer} NOT NULL,
      expires_at ${types.integer} NOT NULL,
      revoked_at ${types.integer} NOT NULL,
      PRIMARY KEY (tenant_id, id)
    )`,
  ]) {
    await sql.raw(text).execute(db);
  }
};
