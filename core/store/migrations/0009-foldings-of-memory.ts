import { type Kysely, sql } from "kysely";
import type { DialectName } from "../statement.ts";
import { COLUMN_TYPES } from "./column-types.ts";
import { raiseWall } from "./wall.ts";

/**
 * Numbers the foldings by which a tenant's memory was indexed. What is indexed until now has 1 for
 * its number, and an older version that runs on beside this one goes on writing it.
 */
export const numberFoldings = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  const types = COLUMN_TYPES[dialect];
  for (const text of [
    `CREATE TABLE memory_foldings (
      tenant_id ${types.name} PRIMARY KEY,
      fingerprint ${types.bytes} NOT NULL,
      number ${types.integer} NOT NULL
    )`,
    // Finds what is not indexed at all as the one before did, which was of nothing else.
    "CREATE INDEX memory_by_folding ON memory (tenant_id, indexed, id)",
    "DROP INDEX memory_unindexed",
  ]) {
    await sql.raw(text).execute(db);
  }
  if (dialect === "postgres") await raiseWall(db, "memory_foldings");
};
