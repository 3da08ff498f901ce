import { type Selectable, sql } from "kysely";
import type { OutboxTable } from "../store/schema.ts";
import { stateOfRow } from "../store/state-of-row.ts";
import { statement } from "../store/statement.ts";

// Statements on the outbox; each names the tenant, in its text as well as in its transaction.
// States are literals: a partial index is used only where the text shows that it fits.

/** A row of the outbox, with the lease of whoever sends it. */
export type PendingPart = Selectable<OutboxTable> & { readonly lease_until: number | null };

/** Which part of which reply. */
interface PartKey {
  readonly tenantId: string;
  readonly inboxId: number;
  readonly part: number;
}

export const insertPart = statement<
  Omit<Selectable<OutboxTable>, "attempts" | "unsure" | "owner" | "reason" | "state">
>()((db, arg) =>
  db.insertInto("outbox").values({
    tenant_id: arg("tenant_id"),
    inbox_id: arg("inbox_id"),
    part: arg("part"),
    lane: arg("lane"),
    channel: arg("channel"),
    content: arg("content"),
    fingerprint: arg("fingerprint"),
    via: arg("via"),
    state: "pending",
    due_at: arg("due_at"),
    created_at: arg("created_at"),
  }),
);

/** The part that has to go next in a lane. */
export const firstPending = statement<{ tenantId: string; lane: string }>()((db, arg) =>
  db
    .selectFrom("outbox")
    .leftJoin("processes", "processes.id", "outbox.owner")
    .selectAll("outbox")
    .select("processes.lease_until")
    .where("tenant_id", "=", arg("tenantId"))
    .where("lane", "=", arg("lane"))
    .where("state", "=", sql.lit("pending" as const))
    .orderBy("inbox_id")
    .orderBy("part")
    .limit(1),
);

/** Whether anything of a lane is still on its way. */
export const anyPending = statement<{ tenantId: string; lane: string }>()((db, arg) =>
  db
    .selectFrom("outbox")
    .select("part")
    .where("tenant_id", "=", arg("tenantId"))
    .where("lane", "=", arg("lane"))
    .where("state", "=", sql.lit("pending" as const))
    .limit(1),
);

/** Takes a part to send it, unless somebody else did in the meantime; counts the try. */
export const takePart = statement<PartKey & { owner: string; earlierOwner: string }>()((db, arg) =>
  db
    .updateTable("outbox")
    .set((eb) => ({
      owner: arg("owner"),
      via: "send" as const,
      unsure: 1,
      attempts: eb("attempts", "+", 1),
    }))
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("inboxId"))
    .where("part", "=", arg("part"))
    .where(stateOfRow, "=", sql.lit("pending"))
    .where("owner", "=", arg("earlierOwner")),
);

/** A part arrived. */
export const markDelivered = statement<PartKey & { reason: string | null }>()((db, arg) =>
  db
    .updateTable("outbox")
    .set({ state: "delivered", owner: "", unsure: 0, reason: arg("reason") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("inboxId"))
    .where("part", "=", arg("part"))
    .where(stateOfRow, "=", sql.lit("pending")),
);

/** A part waits for its next try, unless somebody else has taken it over meanwhile. */
export const postpone = statement<
  PartKey & { owner: string; dueAt: number; unsure: number; reason: string }
>()((db, arg) =>
  db
    .updateTable("outbox")
    .set({ owner: "", due_at: arg("dueAt"), unsure: arg("unsure"), reason: arg("reason") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("inboxId"))
    .where("part", "=", arg("part"))
    .where(stateOfRow, "=", sql.lit("pending"))
    .where("owner", "=", arg("owner")),
);

/** A part cannot be delivered, unless somebody else has taken it over meanwhile. */
export const buryPart = statement<PartKey & { owner: string; reason: string }>()((db, arg) =>
  db
    .updateTable("outbox")
    .set({ state: "dead", owner: "", reason: arg("reason") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("inboxId"))
    .where("part", "=", arg("part"))
    .where(stateOfRow, "=", sql.lit("pending"))
    .where("owner", "=", arg("owner")),
);

/** A reply that lost a part is over: a gap in the middle would mislead. */
export const buryReply = statement<{ tenantId: string; inboxId: number; reason: string }>()(
  (db, arg) =>
    db
      .updateTable("outbox")
      .set({ state: "dead", owner: "", reason: arg("reason") })
      .where("tenant_id", "=", arg("tenantId"))
      .where("inbox_id", "=", arg("inboxId"))
      .where(stateOfRow, "=", sql.lit("pending")),
);

/** The response that carried it broke off: sent by the API when it is due, if no redelivery comes. */
export const markBroken = statement<{ tenantId: string; inboxId: number; reason: string }>()(
  (db, arg) =>
    db
      .updateTable("outbox")
      .set({ reason: arg("reason") })
      .where("tenant_id", "=", arg("tenantId"))
      .where("inbox_id", "=", arg("inboxId"))
      .where("via", "=", "inline")
      .where(stateOfRow, "=", sql.lit("pending")),
);

/** What an earlier response carried. */
export const inlinePart = statement<{ tenantId: string; inboxId: number }>()((db, arg) =>
  db
    .selectFrom("outbox")
    .select("content")
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("inboxId"))
    .where("via", "=", "inline"),
);

/** Whether an identical text was tried to be sent to the same person since then. */
export const earlierTwin = statement<{
  tenantId: string;
  fingerprint: Uint8Array;
  since: number;
  inboxId: number;
  part: number;
}>()((db, arg) =>
  db
    .selectFrom("outbox")
    .select("part")
    .where("tenant_id", "=", arg("tenantId"))
    .where("fingerprint", "=", arg("fingerprint"))
    .where("created_at", ">", arg("since"))
    .where("attempts", ">", sql.lit(0))
    .where((eb) => eb.or([eb("inbox_id", "<>", arg("inboxId")), eb("part", "<>", arg("part"))]))
    .limit(1),
);
