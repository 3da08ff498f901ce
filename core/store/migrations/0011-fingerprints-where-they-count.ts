import { type Kysely, sql } from "kysely";
import type { DialectName } from "../statement.ts";

/**
 * Leaves parts without a fingerprint out of its index in SQLite: nobody looks for them, and where a
 * platform takes identical texts as they come each was a place more to write. In PostgreSQL a replica of
 * the version before may still be asking by the index that there is.
 */
export const indexFingerprints = async (
  db: Kysely<unknown>,
  dialect: DialectName,
): Promise<void> => {
  if (dialect === "postgres") return;
  for (const text of [
    "DROP INDEX outbox_fingerprint",
    `CREATE INDEX outbox_fingerprint ON outbox (tenant_id, fingerprint, created_at)
      WHERE attempts > 0 AND length(fingerprint) > 0`,
  ]) {
    await sql.raw(text).execute(db);
  }
};
