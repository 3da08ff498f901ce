import { type Kysely, sql } from "kysely";
import type { DialectName } from "../statement.ts";
import { COLUMN_TYPES } from "./column-types.ts";
import { raiseWall } from "./wall.ts";

/** What is held until a person has looked at it. */
export const createReviews = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  const types = COLUMN_TYPES[dialect];
  for (const text of [
    `CREATE TABLE reviews (
      tenant_id ${types.name} NOT NULL,
      id ${types.name} NOT NULL,
      direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
      state TEXT NOT NULL CHECK (state IN ('pending', 'released', 'rejected', 'expired')),
      trace_id TEXT NOT NULL,
      content ${types.bytes} NOT NULL,
      held_at ${types.integer} NOT NULL,
      decided_at ${types.integer} NOT NULL DEFAULT 0,
      PRIMARY KEY (tenant_id, id)
    )`,
    `CREATE INDEX reviews_pending ON reviews (tenant_id, held_at, id) WHERE state = 'pending'`,
    `CREATE INDEX reviews_by_age ON reviews (held_at) WHERE state = 'pending'`,
    `CREATE INDEX reviews_decided ON reviews (decided_at) WHERE state <> 'pending'`,
  ]) {
    await sql.raw(text).execute(db);
  }
  if (dialect !== "postgres") return;
  await raiseWall(db, "reviews");
  // Whoever looks for what waits too long goes through all tenants' at once, and so forgets what is
  // decided: nothing of what was said is in that any more.
  const isIntake = sql`current_setting('clawgate.access', true) = 'intake'`;
  await sql`CREATE POLICY intake_sees ON reviews FOR SELECT USING (${isIntake})`.execute(db);
  await sql`CREATE POLICY intake_forgets ON reviews FOR DELETE
    USING (${isIntake} AND state <> 'pending')`.execute(db);
};
