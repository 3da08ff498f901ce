import { type Kysely, sql } from "kysely";
import type { DialectName } from "../statement.ts";
import { COLUMN_TYPES } from "./column-types.ts";
import { raiseWall } from "./wall.ts";

/** What channels remember. */
export const createChannelState = async (
  db: Kysely<unknown>,
  dialect: DialectName,
): Promise<void> => {
  const types = COLUMN_TYPES[dialect];
  for (const text of [
    `CREATE TABLE channel_state (
      tenant_id ${types.name} NOT NULL,
      channel ${types.name} NOT NULL,
      key ${types.name} NOT NULL,
      value ${types.bytes} NOT NULL,
      version ${types.integer} NOT NULL,
      expires_at ${types.integer} NOT NULL,
      PRIMARY KEY (tenant_id, channel, key)
    )`,
    "CREATE INDEX channel_state_by_age ON channel_state (tenant_id, expires_at)",
  ]) {
    await sql.raw(text).execute(db);
  }
  if (dialect === "postgres") await raiseWall(db, "channel_state");
};
