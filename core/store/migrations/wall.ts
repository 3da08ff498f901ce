import { type Kysely, type RawBuilder, sql } from "kysely";

/**
 * The second wall: whoever asks sees the rows of the tenant that the transaction names, and without
 * one none at all. Forced, so that it holds for the owner too.
 * @see https://www.postgresql.org/docs/current/ddl-rowsecurity.html
 */
export const raiseWall = async (db: Kysely<unknown>, table: string): Promise<void> => {
  await enforce(db, table);
  await policy(db, table, "tenant", sql`tenant_id = current_setting('clawgate.tenant', true)`);
  await sql`CREATE POLICY operator ON ${sql.table(table)} FOR SELECT
    USING (current_setting('clawgate.access', true) = 'operator')`.execute(db);
};

/** Lets a policy decide about every row, for the table's owner too. */
export const enforce = async (db: Kysely<unknown>, table: string): Promise<void> => {
  const name = sql.table(table);
  await sql`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`.execute(db);
  await sql`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`.execute(db);
};

/** Rows that satisfy the condition may be read and written. */
export const policy = async (
  db: Kysely<unknown>,
  table: string,
  name: string,
  condition: RawBuilder<unknown>,
): Promise<void> => {
  await sql`CREATE POLICY ${sql.id(name)} ON ${sql.table(table)} FOR ALL
    USING (${condition}) WITH CHECK (${condition})`.execute(db);
};
