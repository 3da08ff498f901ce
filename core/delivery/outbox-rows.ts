import { type Selectable, sql } from "kysely";
import type { OutboxTable } from "../store/schema.ts";
import { stateOfRow } from "../store/state-of-row.ts";
import { statement } from "../store/statement.ts";
import { MANY, type ManyIds } from "./many-ids.ts";

// Statements on the outbox; each names the tenant, in its text as well as in its transaction.

/** A row of the outbox, with the lease of whoever sends it. */
export type PendingPart = Selectable<OutboxTable> & { readonly lease_until: number | null };

/** Which part of which reply. */
interface PartKey {
  readonly tenantId: string;
  readonly inboxId: number;
  readonly part: number;
}

export interface NewPart {
  readonly tenantId: string;
  readonly inboxId: number;
  readonly part: number;
  readonly lane: string;
  readonly channel: string;
  readonly content: Uint8Array;
  readonly createdAt: number;
}

/** What an identical text is told apart by is known once it is sent, and only where it has to be. */
export const NO_FINGERPRINT = new Uint8Array(0);

/** What a row says of the try that it is stored with. */
export interface FirstTry {
  /** Empty: nobody has taken it. */
  readonly owner: string;
  readonly attempts: number;
  readonly unsure: number;
}

export const NOT_TAKEN: FirstTry = {
  owner: "",
  attempts: 0,
  unsure: 0,
};

/** To be sent at once. */
export const insertPart = statement<NewPart & FirstTry>(["channel", "owner"])((db, arg) =>
  db.insertInto("outbox").values({
    tenant_id: arg("tenantId"),
    inbox_id: arg("inboxId"),
    part: arg("part"),
    lane: arg("lane"),
    channel: arg("channel"),
    content: arg("content"),
    fingerprint: NO_FINGERPRINT,
    via: "send",
    state: "pending",
    attempts: arg("attempts"),
    unsure: arg("unsure"),
    owner: arg("owner"),
    due_at: arg("createdAt"),
    created_at: arg("createdAt"),
  }),
);

/**
 * The only part of a reply that a response is open for: travels in it and is due for sending later.
 * Not stored where something of its lane is still on its way; then it is to be sent at once.
 */
export const insertInline = statement<NewPart & { inlineDueAt: number }>()((db, arg) =>
  db
    .insertInto("outbox")
    .columns([
      ...(["tenant_id", "inbox_id", "part", "lane", "channel", "content", "fingerprint"] as const),
      ...(["via", "state", "due_at", "created_at"] as const),
    ])
    .expression(
      db
        .selectNoFrom((eb) => [
          eb.val(arg("tenantId")).as("tenant_id"),
          eb.val(arg("inboxId")).as("inbox_id"),
          eb.val(arg("part")).as("part"),
          eb.val(arg("lane")).as("lane"),
          eb.val(arg("channel")).as("channel"),
          eb.val(arg("content")).as("content"),
          eb.val(NO_FINGERPRINT).as("fingerprint"),
          eb.val("inline" as const).as("via"),
          eb.val("pending" as const).as("state"),
          eb.val(arg("inlineDueAt")).as("due_at"),
          eb.val(arg("createdAt")).as("created_at"),
        ])
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom("outbox as before")
                .select("before.part")
                .where("before.tenant_id", "=", arg("tenantId"))
                .where("before.lane", "=", arg("lane"))
                .where("before.state", "=", "pending"),
            ),
          ),
        ),
    ),
);

/** Whether anything of a lane is still on its way. */
export const anyOnItsWay = statement<{ tenantId: string; lane: string }>()((db, arg) =>
  db
    .selectFrom("outbox")
    .select("part")
    .where("tenant_id", "=", arg("tenantId"))
    .where("lane", "=", arg("lane"))
    .where("state", "=", "pending")
    .limit(1),
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
    .where("state", "=", "pending")
    .orderBy("inbox_id")
    .orderBy("part")
    .limit(1),
);

/**
 * Takes a part as it was read to send it; counts the try. Not where somebody else took it since, also
 * if they have put it off again: what was read does not know of their try.
 */
export const takePart = statement<
  PartKey & {
    owner: string;
    earlierOwner: string;
    earlierAttempts: number;
    fingerprint: Uint8Array;
  }
>()((db, arg) =>
  db
    .updateTable("outbox")
    .set((eb) => ({
      owner: arg("owner"),
      fingerprint: arg("fingerprint"),
      via: "send" as const,
      unsure: 1,
      attempts: eb("attempts", "+", 1),
    }))
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("inboxId"))
    .where("part", "=", arg("part"))
    .where(stateOfRow, "=", "pending")
    .where("owner", "=", arg("earlierOwner"))
    .where("attempts", "=", arg("earlierAttempts")),
);

/** The same for the only part of a reply that nobody has taken yet, if nothing of its lane is before it. */
export const takeFirst = statement<{
  tenantId: string;
  inboxId: number;
  lane: string;
  owner: string;
  fingerprint: Uint8Array;
}>()((db, arg) =>
  db
    .updateTable("outbox")
    .set({
      owner: arg("owner"),
      fingerprint: arg("fingerprint"),
      unsure: 1,
      attempts: 1,
    })
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("inboxId"))
    .where("part", "=", 0)
    .where(stateOfRow, "=", "pending")
    .where("owner", "=", "")
    .where("attempts", "=", 0)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("outbox as before")
            .select("before.part")
            .where("before.tenant_id", "=", arg("tenantId"))
            .where("before.lane", "=", arg("lane"))
            .where("before.state", "=", "pending")
            .where("before.inbox_id", "<", arg("inboxId")),
        ),
      ),
    ),
);

/** A part arrived. */
export const markDelivered = statement<PartKey & { reason: string | null }>()((db, arg) =>
  db
    .updateTable("outbox")
    .set({ state: "delivered", owner: "", unsure: 0, reason: arg("reason") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("inboxId"))
    .where("part", "=", arg("part"))
    .where(stateOfRow, "=", "pending"),
);

/** The only parts of as many replies as `manyIds` names arrived. */
export const markManyDelivered = statement<ManyIds>()((db, arg) =>
  db
    .updateTable("outbox")
    .set({ state: "delivered", owner: "", unsure: 0, reason: null })
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "in", MANY.map(arg))
    .where("part", "=", 0)
    .where(stateOfRow, "=", "pending"),
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
    .where(stateOfRow, "=", "pending")
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
    .where(stateOfRow, "=", "pending")
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
      .where(stateOfRow, "=", "pending"),
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
      .where(stateOfRow, "=", "pending"),
);

/** Waits for whoever is just ending the turn of a message: what it stores is there then, or never. */
export const awaitTurnEnd = statement<{ tenantId: string; inboxId: number }>()(
  (db, arg, dialect) => {
    const row = db
      .selectFrom("inbox")
      .select("id")
      .where("tenant_id", "=", arg("tenantId"))
      .where("id", "=", arg("inboxId"));
    // On SQLite only one transaction writes at a time.
    return dialect === "postgres" ? row.forUpdate() : row;
  },
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
    // As the index says it, which holds nothing else.
    .where("attempts", ">", 0)
    .where(sql<number>`length(fingerprint)`, ">", 0)
    .where((eb) => eb.or([eb("inbox_id", "<>", arg("inboxId")), eb("part", "<>", arg("part"))]))
    .limit(1),
);
