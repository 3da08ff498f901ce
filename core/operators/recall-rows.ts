import { sql } from "kysely";
import { stateOfRow } from "../store/state-of-row.ts";
import { statement } from "../store/statement.ts";

/** Where the message is that a platform calls so; message ids are unique within a channel. */
export const messageByKey = statement<{ channel: string; key: string }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select(["id", "tenant_id"])
    .where("channel", "=", arg("channel"))
    .where("key", "=", arg("key")),
);

/** The parts of a reply that arrived, the last one first. */
export const deliveredParts = statement<{ tenantId: string; id: number }>()((db, arg) =>
  db
    .selectFrom("outbox")
    .select(["part", "via", "channel", "reason", "content"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("id"))
    .where(stateOfRow, "=", sql.lit("delivered"))
    .orderBy("part", "desc"),
);

/** Notes at a part that arrived what became of it. */
export const notePart = statement<{
  tenantId: string;
  id: number;
  part: number;
  reason: string;
}>()((db, arg) =>
  db
    .updateTable("outbox")
    .set({ reason: arg("reason") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("id"))
    .where("part", "=", arg("part"))
    .where(stateOfRow, "=", sql.lit("delivered")),
);
