import { type Kysely, sql } from "kysely";
import type { DialectName } from "../statement.ts";
import { COLUMN_TYPES } from "./column-types.ts";
import { raiseWall } from "./wall.ts";

/** What tenants' models cost by month, and how fast their people write. */
export const createBudgets = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  const types = COLUMN_TYPES[dialect];
  for (const text of [
    `CREATE TABLE model_costs (
      tenant_id ${types.name} NOT NULL,
      month ${types.name} NOT NULL,
      spent ${types.integer} NOT NULL DEFAULT 0,
      reserved ${types.integer} NOT NULL DEFAULT 0,
      warned_of ${types.integer} NOT NULL DEFAULT -1,
      refused_of ${types.integer} NOT NULL DEFAULT -1,
      PRIMARY KEY (tenant_id, month)
    )`,
    `CREATE TABLE rate_limits (
      tenant_id ${types.name} NOT NULL,
      key ${types.name} NOT NULL,
      full_at ${types.integer} NOT NULL,
      told_until ${types.integer} NOT NULL DEFAULT 0,
      PRIMARY KEY (tenant_id, key)
    )`,
    "CREATE INDEX rate_limits_by_age ON rate_limits (tenant_id, full_at)",
  ]) {
    await sql.raw(text).execute(db);
  }
  if (dialect === "postgres") {
    await raiseWall(db, "model_costs");
    await raiseWall(db, "rate_limits");
  }
};
