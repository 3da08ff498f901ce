import { type Kysely, sql } from "kysely";
import type { DialectName } from "../statement.ts";
import { COLUMN_TYPES } from "./column-types.ts";

/**
 * What is held can be withdrawn by its sender, so it is found by them and by what they said. What
 * was held before this is found by neither, and is over within seven days.
 */
export const withdrawReviews = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  const { bytes } = COLUMN_TYPES[dialect];
  for (const text of [
    ...(dialect === "postgres" ? ALTERED : REBUILT),
    `ALTER TABLE reviews ADD COLUMN person ${bytes}`,
    `ALTER TABLE reviews ADD COLUMN said ${bytes}`,
    "CREATE INDEX reviews_of_person ON reviews (tenant_id, person, said) WHERE state = 'pending'",
  ]) {
    await sql.raw(text).execute(db);
  }
};

const STATES = "state IN ('pending', 'released', 'rejected', 'expired', 'withdrawn')";

const ALTERED = [
  "ALTER TABLE reviews DROP CONSTRAINT reviews_state_check",
  `ALTER TABLE reviews ADD CONSTRAINT reviews_state_check CHECK (${STATES})`,
];

// SQLite changes no constraint in place: https://www.sqlite.org/lang_altertable.html#otheralter
const REBUILT = [
  `CREATE TABLE reviews_next (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    state TEXT NOT NULL CHECK (${STATES}),
    trace_id TEXT NOT NULL,
    content BLOB NOT NULL,
    held_at INTEGER NOT NULL,
    decided_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id)
  )`,
  `INSERT INTO reviews_next (tenant_id, id, direction, state, trace_id, content, held_at, decided_at)
    SELECT tenant_id, id, direction, state, trace_id, content, held_at, decided_at FROM reviews`,
  "DROP TABLE reviews",
  "ALTER TABLE reviews_next RENAME TO reviews",
  "CREATE INDEX reviews_pending ON reviews (tenant_id, held_at, id) WHERE state = 'pending'",
  "CREATE INDEX reviews_by_age ON reviews (held_at) WHERE state = 'pending'",
  "CREATE INDEX reviews_decided ON reviews (decided_at) WHERE state <> 'pending'",
];
