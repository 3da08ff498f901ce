import { type Kysely, sql } from "kysely";
import type { DialectName } from "../statement.ts";

/** The words that each table's state may be, as the baseline lists them. */
const STATES: Readonly<Record<string, readonly string[]>> = {
  inbox: ["pending", "answered", "done", "dead"],
  outbox: ["pending", "delivered", "dead"],
};

/**
 * Has SQLite compare a state with one word after the other. Of a list of more than two it makes an
 * index at every write of a row, which took 2 to 3 µs each and 12 for a message. The same is allowed
 * as before. PostgreSQL does not mind.
 */
export const compareStates = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  if (dialect === "postgres") return;
  // SQLite's way to change a constraint where no row changes: https://www.sqlite.org/lang_altertable.html#otheralter
  await sql`PRAGMA writable_schema = ON`.execute(db);
  for (const [table, states] of Object.entries(STATES)) {
    const words = states.map((state) => `'${state}'`);
    const list = `state IN (${words.join(", ")})`;
    const comparisons = words.map((word) => `state = ${word}`).join(" OR ");
    await sql`UPDATE sqlite_schema SET sql = replace(sql, ${list}, ${comparisons})
      WHERE type = 'table' AND name = ${table}`.execute(db);
  }
  const { rows } = await sql<{ schema_version: number }>`PRAGMA schema_version`.execute(db);
  // Other connections read the schema again then, and with RESET this one does.
  await sql.raw(`PRAGMA schema_version = ${(rows[0]?.schema_version ?? 0) + 1}`).execute(db);
  await sql`PRAGMA writable_schema = RESET`.execute(db);
};
