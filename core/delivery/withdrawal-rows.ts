import { stateOfRow } from "../store/state-of-row.ts";
import { statement } from "../store/statement.ts";
import { WITHDRAWN } from "./inbox-rows.ts";

// Statements on the rows of the inbox that their senders take back.

/** A message as it is stored, whatever became of it. */
export const storedUnder = statement<{ channel: string; key: string }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select(["id", "channel", "key", "lane", "tenant_id", "message", "reason"])
    .where("channel", "=", arg("channel"))
    .where("key", "=", arg("key")),
);

/** What waits or is in work in a lane. */
export const pendingInLane = statement<{ tenantId: string; lane: string }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select(["id", "channel", "key", "message"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("lane", "=", arg("lane"))
    .where("state", "=", "pending")
    .orderBy("id"),
);

/** Its sender takes a message back: whoever works on it is asked to stop, whoever takes it is told. */
export const withdrawMessage = statement<{ tenantId: string; id: number }>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ stop: 1, reason: WITHDRAWN })
    .where("id", "=", arg("id"))
    .where("tenant_id", "=", arg("tenantId"))
    .where(stateOfRow, "=", "pending"),
);

/** The same of what is answered already: what is said in its place later, an edit, finds it. */
export const noteWithdrawn = statement<{ tenantId: string; id: number }>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ reason: WITHDRAWN })
    .where("id", "=", arg("id"))
    .where("tenant_id", "=", arg("tenantId"))
    .where(stateOfRow, "in", ["answered", "done"]),
);

/** The place of a message that was taken back before it came: it will count as a redelivery. */
export const insertWithdrawn = statement<{
  channel: string;
  key: string;
  tenantId: string;
  receivedAt: number;
}>()((db, arg) =>
  db
    .insertInto("inbox")
    .values({
      channel: arg("channel"),
      key: arg("key"),
      tenant_id: arg("tenantId"),
      received_at: arg("receivedAt"),
      // As of a message that was erased.
      message: new Uint8Array(0),
      lane: "[]",
      state: "done",
      reason: WITHDRAWN,
    })
    .onConflict((conflict) => conflict.columns(["channel", "key"]).doNothing()),
);

/** Whether one of two messages of a tenant was taken back by its sender. */
export const isWithdrawn = statement<{
  tenantId: string;
  channel: string;
  key: string;
  otherKey: string;
}>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select("id")
    .where("tenant_id", "=", arg("tenantId"))
    .where("channel", "=", arg("channel"))
    .where("key", "in", [arg("key"), arg("otherKey")])
    .where("reason", "=", WITHDRAWN)
    .limit(1),
);
