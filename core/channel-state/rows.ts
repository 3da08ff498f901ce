import { sql } from "kysely";
import { statement } from "../store/statement.ts";

// Statements on what channels remember. A row whose time is over counts as absent everywhere.

interface Place {
  readonly tenantId: string;
  readonly channel: string;
  readonly key: string;
}

interface Row extends Place {
  readonly value: Uint8Array;
  readonly version: number;
  readonly expiresAt: number;
}

/** A whole row, of arguments with these names. */
const columnsOf = (arg: <Name extends keyof Row>(name: Name) => Row[Name]) => ({
  tenant_id: arg("tenantId"),
  channel: arg("channel"),
  key: arg("key"),
  value: arg("value"),
  version: arg("version"),
  expires_at: arg("expiresAt"),
});

const replacement = {
  value: sql<Uint8Array>`excluded.value`,
  version: sql<number>`excluded.version`,
  expires_at: sql<number>`excluded.expires_at`,
};

export const rowAt = statement<Place & { now: number }>()((db, arg) =>
  db
    .selectFrom("channel_state")
    .select(["value", "version"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("channel", "=", arg("channel"))
    .where("key", "=", arg("key"))
    .where("expires_at", ">", arg("now")),
);

/** Inserts, or replaces what is there. */
export const putRow = statement<Row>()((db, arg) =>
  db
    .insertInto("channel_state")
    .values(columnsOf(arg))
    .onConflict((conflict) =>
      conflict.columns(["tenant_id", "channel", "key"]).doUpdateSet(replacement),
    ),
);

/** Inserts, or replaces a row whose time is over. */
export const putRowIfAbsent = statement<Row & { now: number }>()((db, arg) =>
  db
    .insertInto("channel_state")
    .values(columnsOf(arg))
    .onConflict((conflict) =>
      conflict
        .columns(["tenant_id", "channel", "key"])
        .doUpdateSet(replacement)
        .where("channel_state.expires_at", "<=", arg("now")),
    ),
);

export const replaceRow = statement<Row & { expected: number; now: number }>()((db, arg) =>
  db
    .updateTable("channel_state")
    .set({ value: arg("value"), version: arg("version"), expires_at: arg("expiresAt") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("channel", "=", arg("channel"))
    .where("key", "=", arg("key"))
    .where("version", "=", arg("expected"))
    .where("expires_at", ">", arg("now")),
);

export const deleteRow = statement<Place>()((db, arg) =>
  db
    .deleteFrom("channel_state")
    .where("tenant_id", "=", arg("tenantId"))
    .where("channel", "=", arg("channel"))
    .where("key", "=", arg("key")),
);

/** Keys from `from` on and below `to`, in order. */
export const keysBetween = statement<{
  tenantId: string;
  channel: string;
  from: string;
  to: string;
  now: number;
}>()((db, arg) =>
  db
    .selectFrom("channel_state")
    .select("key")
    .where("tenant_id", "=", arg("tenantId"))
    .where("channel", "=", arg("channel"))
    .where("key", ">=", arg("from"))
    .where("key", "<", arg("to"))
    .where("expires_at", ">", arg("now"))
    .orderBy("key"),
);

export const deleteExpired = statement<{ tenantId: string; now: number }>()((db, arg) =>
  db
    .deleteFrom("channel_state")
    .where("tenant_id", "=", arg("tenantId"))
    .where("expires_at", "<=", arg("now")),
);
