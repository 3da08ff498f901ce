import { type Kysely, sql } from "kysely";
import { digestOf, type Head, linkAfter, NO_HEAD } from "../../audit/chain.ts";
import type { AuditTable } from "../schema.ts";
import type { DialectName } from "../statement.ts";
import { COLUMN_TYPES } from "./column-types.ts";
import { raiseWall } from "./wall.ts";

/** As `OLDEST_MS` of the retention: the database itself refuses to forget what is younger. */
const DAYS = 180;

/**
 * Chains the audit log: what is in it becomes the beginning of its tenant's chain, as it was. Rows
 * still refuse changes; the only way out is behind a signed cut, and only for what is old.
 */
export const chainAudit = (db: Kysely<unknown>, dialect: DialectName): Promise<void> =>
  dialect === "postgres" ? chainInPostgres(db) : chainInSqlite(db);

const chainInSqlite = async (db: Kysely<unknown>): Promise<void> => {
  await createTables(db, "sqlite");
  await moveRecords(db);
  for (const text of [
    "DROP TABLE audit",
    "ALTER TABLE audit_chained RENAME TO audit",
    `CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit
     BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
    `CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit
     WHEN OLD.seq > coalesce((SELECT cut_seq FROM audit_heads WHERE tenant_id = OLD.tenant_id), 0)
     BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
    `CREATE TRIGGER audit_heads_refuse_delete BEFORE DELETE ON audit_heads
     BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
    `CREATE TRIGGER audit_heads_refuse_early_cut BEFORE UPDATE OF cut_seq ON audit_heads
     WHEN NEW.cut_seq <= OLD.cut_seq OR NOT EXISTS (SELECT 1 FROM audit
       WHERE tenant_id = NEW.tenant_id AND seq = NEW.cut_seq AND hash = NEW.cut_hash
         AND recorded_at <= (unixepoch() - ${DAYS} * 86400) * 1000)
     BEGIN SELECT RAISE(ABORT, 'audit records are kept for ${DAYS} days'); END`,
  ]) {
    await sql.raw(text).execute(db);
  }
};

const chainInPostgres = async (db: Kysely<unknown>): Promise<void> => {
  await createTables(db, "postgres");
  // The wall is forced: it would hide from the owner what is to be moved.
  await sql`ALTER TABLE audit NO FORCE ROW LEVEL SECURITY`.execute(db);
  await moveRecords(db);
  const { rows } = await sql<{ schema: string }>`SELECT current_schema() AS schema`.execute(db);
  // Temporary tables are looked in last: one named like ours must not stand in for it.
  const path = sql`SET search_path = ${sql.id(rows[0]?.schema ?? "public")}, pg_temp`;
  await sql`DROP TABLE audit`.execute(db);
  await sql`ALTER TABLE audit_chained RENAME TO audit`.execute(db);
  // The row of the chain's head is locked from here to the end of the transaction: one writer.
  // The inserted \`hash\` is the record's digest, and becomes that of its link.
  await sql`CREATE FUNCTION link_audit_record() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER ${path} AS $$
    DECLARE head audit_heads%ROWTYPE;
    BEGIN
      LOOP
        SELECT * INTO head FROM audit_heads WHERE tenant_id = NEW.tenant_id FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO audit_heads (tenant_id, hash) VALUES (NEW.tenant_id, decode(repeat('00', 32), 'hex'))
          ON CONFLICT DO NOTHING;
      END LOOP;
      NEW.seq := head.seq + 1;
      NEW.recorded_at := greatest(head.recorded_at, NEW.at + NEW.duration_ms);
      NEW.prev := head.hash;
      NEW.hash := sha256(head.hash || int8send(NEW.seq) || int8send(NEW.recorded_at) || NEW.hash);
      UPDATE audit_heads SET seq = NEW.seq, recorded_at = NEW.recorded_at, hash = NEW.hash
        WHERE tenant_id = NEW.tenant_id;
      RETURN NEW;
    END $$`.execute(db);
  await sql`CREATE FUNCTION refuse_early_cut() RETURNS trigger LANGUAGE plpgsql ${path} AS $$
    BEGIN
      IF NEW.cut_seq > OLD.cut_seq AND EXISTS (SELECT FROM audit
        WHERE tenant_id = NEW.tenant_id AND seq = NEW.cut_seq AND hash = NEW.cut_hash
          AND recorded_at <= extract(epoch FROM now() - interval '${sql.raw(String(DAYS))} days') * 1000)
      THEN RETURN NEW; END IF;
      RAISE EXCEPTION 'audit records are kept for ${sql.raw(String(DAYS))} days';
    END $$`.execute(db);
  await sql`CREATE FUNCTION refuse_loss() RETURNS trigger LANGUAGE plpgsql ${path} AS $$
    BEGIN
      IF EXISTS (SELECT FROM audit_heads WHERE tenant_id = OLD.tenant_id AND cut_seq >= OLD.seq)
      THEN RETURN OLD; END IF;
      RAISE EXCEPTION 'the audit log is append-only';
    END $$`.execute(db);
  for (const trigger of [
    "audit_links BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION link_audit_record()",
    "audit_refuses_change BEFORE UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "audit_refuses_loss BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_loss()",
    "audit_heads_refuse_loss BEFORE DELETE OR TRUNCATE ON audit_heads FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "audit_heads_refuse_early_cut BEFORE UPDATE OF cut_seq ON audit_heads FOR EACH ROW EXECUTE FUNCTION refuse_early_cut()",
  ]) {
    await sql.raw(`CREATE TRIGGER ${trigger}`).execute(db);
  }
  await raiseWall(db, "audit");
  await raiseWall(db, "audit_heads");
};

const createTables = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  const types = COLUMN_TYPES[dialect];
  for (const text of [
    `CREATE TABLE audit_chained (
      tenant_id ${types.name} NOT NULL,
      seq ${types.integer} NOT NULL,
      at ${types.integer} NOT NULL,
      recorded_at ${types.integer} NOT NULL,
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
      detail TEXT NOT NULL,
      personal ${types.bytes},
      actor_tag ${types.bytes},
      prev ${types.bytes} NOT NULL,
      hash ${types.bytes} NOT NULL,
      CONSTRAINT audit_chain PRIMARY KEY (tenant_id, seq)
    )`,
    `CREATE TABLE audit_heads (
      tenant_id ${types.name} PRIMARY KEY,
      seq ${types.integer} NOT NULL DEFAULT 0,
      recorded_at ${types.integer} NOT NULL DEFAULT 0,
      hash ${types.bytes} NOT NULL,
      cut_seq ${types.integer} NOT NULL DEFAULT 0,
      cut_hash ${types.bytes},
      cut_at ${types.integer},
      cut_signature ${types.bytes}
    )`,
  ]) {
    await sql.raw(text).execute(db);
  }
};

const AT_A_TIME = 500;

interface Old extends Omit<AuditTable, "seq" | "recorded_at" | "prev" | "hash" | "personal"> {
  readonly id: number;
}

interface Migrated {
  audit: Old;
  audit_chained: AuditTable;
  audit_heads: { tenant_id: string; seq: number; recorded_at: number; hash: Uint8Array };
}

/** Copies the records in order and links them; with no key at hand they stay as they were, unsealed. */
const moveRecords = async (database: Kysely<unknown>): Promise<void> => {
  const db = database as Kysely<Migrated>;
  const heads = new Map<string, Head>();
  let after = { tenant_id: "", id: 0 };
  for (;;) {
    const rows = await db
      .selectFrom("audit")
      .selectAll()
      .where((eb) => eb(eb.refTuple("tenant_id", "id"), ">", eb.tuple(after.tenant_id, after.id)))
      .orderBy("tenant_id")
      .orderBy("id")
      .limit(AT_A_TIME)
      .execute();
    const linked = rows.map(({ id, ...row }) => {
      // A driver gives BIGINT as text.
      const facts = {
        ...row,
        at: Number(row.at),
        duration_ms: Number(row.duration_ms),
        personal: null,
        actor_tag: null,
      };
      const head = linkAfter(heads.get(row.tenant_id) ?? NO_HEAD, facts, digestOf(facts));
      heads.set(row.tenant_id, head);
      after = { tenant_id: row.tenant_id, id };
      return { ...facts, ...head };
    });
    if (linked.length > 0) await db.insertInto("audit_chained").values(linked).execute();
    if (rows.length < AT_A_TIME) break;
  }
  for (const [tenant_id, { seq, recorded_at, hash }] of heads) {
    await db.insertInto("audit_heads").values({ tenant_id, seq, recorded_at, hash }).execute();
  }
};
