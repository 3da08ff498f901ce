import { type Kysely, sql } from "kysely";
import type { DialectName } from "../statement.ts";
import { COLUMN_TYPES } from "./column-types.ts";
import { raiseWall } from "./wall.ts";

/** What was said and answered, how it is found again, who consented to it, and what must be kept. */
export const createMemory = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  const types = COLUMN_TYPES[dialect];
  // Small rows that are looked up by their whole key: a second copy of each would double them.
  const keyed = dialect === "sqlite" ? " WITHOUT ROWID" : "";
  for (const text of [
    `CREATE TABLE memory (
      tenant_id ${types.name} NOT NULL,
      id ${types.bytes} NOT NULL,
      person ${types.bytes} NOT NULL,
      conversation ${types.bytes} NOT NULL,
      channel TEXT NOT NULL,
      content ${types.bytes} NOT NULL,
      indexed ${types.integer} NOT NULL DEFAULT 0,
      PRIMARY KEY (tenant_id, id)
    )`,
    "CREATE INDEX memory_by_person ON memory (tenant_id, person, id)",
    "CREATE INDEX memory_by_conversation ON memory (tenant_id, conversation, id)",
    "CREATE INDEX memory_unindexed ON memory (tenant_id, id) WHERE indexed = 0",
    `CREATE TABLE memory_tokens (
      tenant_id ${types.name} NOT NULL,
      token ${types.bytes} NOT NULL,
      memory_id ${types.bytes} NOT NULL,
      PRIMARY KEY (tenant_id, token, memory_id)
    )${keyed}`,
    "CREATE INDEX memory_tokens_by_memory ON memory_tokens (tenant_id, memory_id)",
    `CREATE TABLE consents (
      tenant_id ${types.name} NOT NULL,
      person ${types.bytes} NOT NULL,
      id ${types.bytes} NOT NULL,
      decision TEXT NOT NULL CHECK (decision IN ('yes', 'no')),
      wording TEXT NOT NULL,
      content ${types.bytes} NOT NULL,
      PRIMARY KEY (tenant_id, person, id)
    )`,
    `CREATE TABLE legal_holds (
      tenant_id ${types.name} NOT NULL,
      person ${types.bytes} NOT NULL,
      since ${types.integer} NOT NULL,
      PRIMARY KEY (tenant_id, person)
    )`,
  ]) {
    await sql.raw(text).execute(db);
  }
  if (dialect !== "postgres") return;
  for (const table of ["memory", "memory_tokens", "consents", "legal_holds"]) {
    await raiseWall(db, table);
  }
  // Who forgets finished messages goes through all tenants' at once, and must see whose are held.
  await sql`CREATE POLICY intake ON legal_holds FOR SELECT
    USING (current_setting('clawgate.access', true) = 'intake')`.execute(db);
};
