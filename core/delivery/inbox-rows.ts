import { sql } from "kysely";
import { stateOfRow } from "../store/state-of-row.ts";
import { statement } from "../store/statement.ts";
import { MANY, type ManyIds } from "./many-ids.ts";

// Statements on the inbox; they run with `intake` access, the one that ends a turn in its tenant's scope, too.

interface NewMessage {
  readonly channel: string;
  readonly key: string;
  readonly lane: string;
  readonly tenantId: string;
  readonly message: Uint8Array;
  readonly receivedAt: number;
}

export const insertMessage = statement<NewMessage>()((db, arg, dialect) => {
  const columns = {
    channel: arg("channel"),
    key: arg("key"),
    lane: arg("lane"),
    tenant_id: arg("tenantId"),
    message: arg("message"),
    state: "pending" as const,
    received_at: arg("receivedAt"),
  };
  const insert = db.insertInto("inbox");
  const inserted =
    dialect === "sqlite"
      ? insert.values(columns)
      : // One after the other within a lane: where two are stored side by side the later one may be seen
        // first, and would be begun before the earlier one. The number is given once the lock is held.
        insert
          .columns(["channel", "key", "lane", "tenant_id", "message", "state", "received_at"])
          .expression(
            db
              .selectFrom(
                sql`(select pg_advisory_xact_lock(hashtextextended(${arg("lane")}, hashtext(${arg("tenantId")}))))`.as(
                  "turn",
                ),
              )
              .select(({ val }) => [
                val(columns.channel).as("channel"),
                val(columns.key).as("key"),
                val(columns.lane).as("lane"),
                val(columns.tenant_id).as("tenant_id"),
                val(columns.message).as("message"),
                val(columns.state).as("state"),
                val(columns.received_at).as("received_at"),
              ]),
          );
  return inserted.onConflict((conflict) => conflict.columns(["channel", "key"]).doNothing());
});

/** The same of a message that `owner` begins at once. */
export const insertTaken = statement<NewMessage & { owner: string }>(["channel", "owner"])(
  (db, arg) =>
    db
      .insertInto("inbox")
      .values({
        channel: arg("channel"),
        key: arg("key"),
        lane: arg("lane"),
        tenant_id: arg("tenantId"),
        message: arg("message"),
        state: "pending",
        owner: arg("owner"),
        attempts: 1,
        received_at: arg("receivedAt"),
      })
      .onConflict((conflict) => conflict.columns(["channel", "key"]).doNothing()),
);

export const byKey = statement<{ channel: string; key: string }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select(["id", "tenant_id"])
    .where("channel", "=", arg("channel"))
    .where("key", "=", arg("key")),
);

/** The message whose turn it is in a lane, with the lease of whoever works on it. */
export const nextInLane = statement<{ tenantId: string; lane: string }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .leftJoin("processes", "processes.id", "inbox.owner")
    .select([
      "inbox.id",
      "inbox.channel",
      "inbox.key",
      "inbox.tenant_id",
      "inbox.message",
      "inbox.attempts",
      "inbox.owner",
      "inbox.reason",
      "inbox.stop",
      "inbox.received_at",
      "processes.lease_until",
    ])
    .where("inbox.tenant_id", "=", arg("tenantId"))
    .where("inbox.lane", "=", arg("lane"))
    .where("inbox.state", "=", "pending")
    .orderBy("inbox.id")
    .limit(1),
);

/** Takes a message as it was read, unless somebody else took it or its sender took it back since. */
export const takeMessage = statement<{
  tenantId: string;
  id: number;
  owner: string;
  earlierOwner: string;
  attempts: number;
  /** Empty for none. */
  reason: string;
}>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ owner: arg("owner"), attempts: arg("attempts") })
    .where("id", "=", arg("id"))
    .where("tenant_id", "=", arg("tenantId"))
    .where(stateOfRow, "=", "pending")
    .where("owner", "=", arg("earlierOwner"))
    .where(sql<string>`coalesce(reason, '')`, "=", arg("reason")),
);

/** A message as it is stored, whatever became of it. */
export const storedById = statement<{ tenantId: string; id: number }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select(["channel", "key", "message"])
    .where("id", "=", arg("id"))
    .where("tenant_id", "=", arg("tenantId")),
);

/** The reason of what was taken back by its sender, whatever became of it before. */
export const WITHDRAWN = "withdrawn";

/** Whether anything waits in a lane. */
export const anyInLane = statement<{ tenantId: string; lane: string }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select("id")
    .where("tenant_id", "=", arg("tenantId"))
    .where("lane", "=", arg("lane"))
    .where("state", "=", "pending")
    .limit(1),
);

/** Leaves a message that its owner had begun to whoever comes next, its turn not counted. */
export const releaseMessage = statement<{
  tenantId: string;
  id: number;
  owner: string;
  attempts: number;
}>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ owner: "", attempts: arg("attempts") })
    .where("id", "=", arg("id"))
    .where("tenant_id", "=", arg("tenantId"))
    .where(stateOfRow, "=", "pending")
    .where("owner", "=", arg("owner")),
);

/** Leaves a message that its owner had begun to the tenant that its turn found, its turn not counted. */
export const moveMessage = statement<{
  tenantId: string;
  id: number;
  owner: string;
  toTenantId: string;
  message: Uint8Array;
  attempts: number;
}>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({
      tenant_id: arg("toTenantId"),
      message: arg("message"),
      owner: "",
      attempts: arg("attempts"),
    })
    .where("id", "=", arg("id"))
    .where("tenant_id", "=", arg("tenantId"))
    .where(stateOfRow, "=", "pending")
    .where("owner", "=", arg("owner")),
);

/** A turn that is over. */
interface Ended {
  readonly tenantId: string;
  readonly id: number;
  readonly owner: string;
}

/** Ends the turn of a message, if it is still its owner's to end. That it was taken back stays known. */
const endTurnAs = (state: "answered" | "done") =>
  statement<Ended>(["owner"])((db, arg) =>
    db
      .updateTable("inbox")
      .set({ state, owner: "" })
      .where("id", "=", arg("id"))
      .where("tenant_id", "=", arg("tenantId"))
      .where(stateOfRow, "=", "pending")
      .where("owner", "=", arg("owner")),
  );

/** The same of as many messages as `manyIds` names. */
const endTurnsAs = (state: "answered" | "done") =>
  statement<ManyIds & { owner: string }>(["owner"])((db, arg) =>
    db
      .updateTable("inbox")
      .set({ state, owner: "" })
      .where("id", "in", MANY.map(arg))
      .where("tenant_id", "=", arg("tenantId"))
      .where(stateOfRow, "=", "pending")
      .where("owner", "=", arg("owner")),
  );

/** With a reply, which is on its way then. */
export const endTurnAnswered = endTurnAs("answered");
export const endTurnsAnswered = endTurnsAs("answered");
/** Without one. */
export const endTurnDone = endTurnAs("done");
export const endTurnsDone = endTurnsAs("done");

/** Ends the turn of a message that cannot be answered, if it is still its owner's to end. */
export const endTurnDead = statement<Ended & { reason: string }>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ state: "dead", owner: "", reason: arg("reason") })
    .where("id", "=", arg("id"))
    .where("tenant_id", "=", arg("tenantId"))
    .where(stateOfRow, "=", "pending")
    .where("owner", "=", arg("owner")),
);

export const requestStop = statement<{ tenantId: string; lane: string }>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ stop: 1 })
    .where("tenant_id", "=", arg("tenantId"))
    .where("lane", "=", arg("lane"))
    .where("state", "=", "pending")
    .where("owner", "<>", "")
    .returning("id"),
);

export const stopRequests = statement<{ owner: string }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select("id")
    .where("owner", "=", arg("owner"))
    .where("stop", "=", 1)
    .where("state", "=", "pending"),
);

/** Lanes of one state, by tenant and lane, behind a place in that order. */
const lanesIn = (state: "pending" | "answered") =>
  statement<{ tenantId: string; lane: string; limit: number }>()((db, arg) =>
    db
      .selectFrom("inbox")
      .select(["tenant_id as tenantId", "lane as id"])
      .distinct()
      .where("state", "=", state)
      .where(sql<boolean>`(tenant_id, lane) > (${arg("tenantId")}, ${arg("lane")})`)
      .orderBy("tenant_id")
      .orderBy("lane")
      .limit(arg("limit")),
  );

export const pendingLanes = lanesIn("pending");
export const answeredLanes = lanesIn("answered");
