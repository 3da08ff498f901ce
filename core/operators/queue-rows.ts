import { type ExpressionBuilder, type Selectable, sql } from "kysely";
import type { OutboxTable, Tables } from "../store/schema.ts";
import { stateOfRow } from "../store/state-of-row.ts";
import { statement } from "../store/statement.ts";

// Statements on what waits, is being sent, or is dead. None of them reads a sealed column.
// States are literals: a partial index is used only where the text shows that it fits.

/** The states of the inbox that operators have to do with. */
export type OpenState = "pending" | "answered" | "dead";

/** One message, without its content. */
export interface MessageRow {
  readonly id: number;
  readonly tenant_id: string;
  readonly channel: string;
  readonly lane: string;
  readonly state: OpenState | "done";
  readonly reason: string | null;
  readonly received_at: number;
  /** How often a turn was begun. */
  readonly turns: number;
  /** Until when its turn is certainly some process's; null when nobody has it. */
  readonly turn_until: number | null;
  readonly parts: number;
  readonly delivered: number;
  /** How often the part was tried that was tried most. */
  readonly tries: number | null;
  /** Why the first part that is not out waits. */
  readonly waits_for: string | null;
  /** Until when a part is certainly being sent by some process. */
  readonly send_until: number | null;
}

/** One part of a reply, without its content. */
export type PartRow = Pick<
  Selectable<OutboxTable>,
  "part" | "via" | "state" | "attempts" | "unsure" | "due_at" | "created_at" | "reason"
> & { readonly lease_until: number | null };

/** The oldest messages of a state behind a place, of one tenant or of all. */
export const oldestIn = (state: OpenState, reach: "tenant" | "all") =>
  statement<{ tenantId: string; after: number; limit: number }>()((db, arg) => {
    // Dead letters are indexed in this order. For the others the rows of the state are gone through
    // by their index and the oldest kept: with the plus no database walks all of the inbox instead.
    const id = state === "dead" ? sql<number>`id` : sql<number>`+id`;
    const ids = db
      .selectFrom("inbox")
      .select("id")
      .where("state", "=", sql.lit(state))
      .where(id, ">", arg("after"))
      .$if(reach === "tenant", (query) => query.where("tenant_id", "=", arg("tenantId")))
      .orderBy(id)
      .limit(arg("limit"));
    return messages(db).where("inbox.id", "in", ids).orderBy("inbox.id");
  });

/** One message by its id; of any state. */
export const messageById = (reach: "tenant" | "all") =>
  statement<{ tenantId: string; id: number }>()((db, arg) =>
    messages(db)
      .where("inbox.id", "=", arg("id"))
      .$if(reach === "tenant", (query) => query.where("inbox.tenant_id", "=", arg("tenantId"))),
  );

type Db = Parameters<Parameters<ReturnType<typeof statement<object>>>[0]>[0];
type InboxExpression = ExpressionBuilder<Tables, "inbox">;

const messages = (db: Db) =>
  db
    .selectFrom("inbox")
    .leftJoin("processes", "processes.id", "inbox.owner")
    .select([
      "inbox.id",
      "inbox.tenant_id",
      "inbox.channel",
      "inbox.lane",
      "inbox.state",
      "inbox.reason",
      "inbox.received_at",
      "inbox.attempts as turns",
      "processes.lease_until as turn_until",
    ])
    .select((eb) => [
      partsOf(eb)
        .select((of) => of.fn.countAll<number>().as("value"))
        .$asScalar()
        .$notNull()
        .as("parts"),
      partsOf(eb)
        .where("outbox.state", "=", "delivered")
        .select((of) => of.fn.countAll<number>().as("value"))
        .$asScalar()
        .$notNull()
        .as("delivered"),
      partsOf(eb)
        .select((of) => of.fn.max("outbox.attempts").as("value"))
        .as("tries"),
      partsOf(eb)
        .where("outbox.state", "=", sql.lit("pending" as const))
        .select("outbox.reason")
        .orderBy("outbox.part")
        .limit(1)
        .as("waits_for"),
      partsOf(eb)
        .innerJoin("processes as sender", "sender.id", "outbox.owner")
        .select((of) => of.fn.max("sender.lease_until").as("value"))
        .as("send_until"),
    ]);

const partsOf = (eb: InboxExpression) =>
  eb
    .selectFrom("outbox")
    .whereRef("outbox.inbox_id", "=", "inbox.id")
    .whereRef("outbox.tenant_id", "=", "inbox.tenant_id");

/** The parts of a reply, in their order. */
export const partsOfMessage = statement<{ tenantId: string; id: number }>()((db, arg) =>
  db
    .selectFrom("outbox")
    .leftJoin("processes", "processes.id", "outbox.owner")
    .select([
      "part",
      "via",
      "state",
      "attempts",
      "unsure",
      "due_at",
      "created_at",
      "reason",
      "processes.lease_until",
    ])
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("id"))
    .orderBy("part"),
);

/**
 * Dead parts are due again, with a day of tries before them. What is known of earlier tries stays,
 * so that the channel can find out what became of them.
 */
export const reviveParts = statement<{ tenantId: string; id: number; now: number }>()((db, arg) =>
  db
    .updateTable("outbox")
    .set({
      state: "pending",
      via: "send",
      owner: "",
      reason: null,
      due_at: arg("now"),
      created_at: arg("now"),
    })
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("id"))
    .where(stateOfRow, "=", sql.lit("dead")),
);

/** A dead message goes on: to be answered (`pending`), or with the reply that it has. */
export const reviveMessage = statement<{
  tenantId: string;
  id: number;
  state: "pending" | "answered";
}>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ state: arg("state"), attempts: 0, owner: "", stop: 0, reason: null })
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "=", arg("id"))
    .where(stateOfRow, "=", sql.lit("dead")),
);

/** Gives up a message that nobody living works on. */
export const dropMessage = statement<{
  tenantId: string;
  id: number;
  state: OpenState;
  reason: string;
  now: number;
}>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ state: "done", owner: "", reason: arg("reason") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "=", arg("id"))
    .where(stateOfRow, "=", arg("state"))
    .where("owner", "not in", living(db, arg("now"))),
);

/** Gives up the parts of a reply that nobody living sends and that no open response may be carrying. */
export const dropParts = statement<{
  tenantId: string;
  id: number;
  reason: string;
  now: number;
}>()((db, arg) =>
  db
    .updateTable("outbox")
    .set({ state: "dead", owner: "", reason: arg("reason") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("id"))
    .where(stateOfRow, "=", sql.lit("pending"))
    .where("owner", "not in", living(db, arg("now")))
    .where((eb) => eb.or([eb("via", "=", "send"), eb("due_at", "<=", arg("now"))])),
);

const living = (db: Db, now: number) =>
  db.selectFrom("processes").select("id").where("lease_until", ">", now);

/** Whether a part of a reply is still to go out. */
export const anyPartPending = statement<{ tenantId: string; id: number }>()((db, arg) =>
  db
    .selectFrom("outbox")
    .select("part")
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("id"))
    .where(stateOfRow, "=", sql.lit("pending"))
    .limit(1),
);
