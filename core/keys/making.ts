import { sql } from "kysely";
import { statement } from "../store/statement.ts";

// A data key that was wrapped before a rotation and stored after it had looked would stay under the
// old master key. SQLite keeps the two apart by itself: only one transaction writes at a time.

/** Held from before the master key is asked to wrap a new data key until that is stored. */
export const beginMaking = statement<object>()((db, _arg, dialect) =>
  db.selectNoFrom((dialect === "postgres" ? SHARED : NOTHING).as("held")),
);

/** Waits, in a transaction that may write, until all data keys that are being made are stored. */
export const awaitMade = statement<object>()((db, _arg, dialect) =>
  db.selectNoFrom((dialect === "postgres" ? ALONE : NOTHING).as("held")),
);

// Held to the end of the transaction:
// https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
const SHARED = sql`pg_advisory_xact_lock_shared(hashtext('clawgate data keys'))`;
const ALONE = sql`pg_advisory_xact_lock(hashtext('clawgate data keys'))`;
const NOTHING = sql.lit(0);
