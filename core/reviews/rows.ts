import { sql } from "kysely";
import type { ReviewsTable } from "../store/schema.ts";
import { stateOfRow } from "../store/state-of-row.ts";
import { statement } from "../store/statement.ts";

// Statements on what is held; they run in the tenant's scope, the last two with `intake` access.
// States are literals: a partial index is used only where the text shows that it fits.

/** The content of a review that is over. */
export const NOTHING = new Uint8Array(0);

export const insertReview = statement<{
  tenantId: string;
  id: string;
  direction: ReviewsTable["direction"];
  state: "pending" | "withdrawn";
  traceId: string;
  content: Uint8Array;
  heldAt: number;
  decidedAt: number;
  person: Uint8Array | null;
  said: Uint8Array | null;
}>()((db, arg) =>
  db.insertInto("reviews").values({
    tenant_id: arg("tenantId"),
    id: arg("id"),
    direction: arg("direction"),
    state: arg("state"),
    trace_id: arg("traceId"),
    content: arg("content"),
    held_at: arg("heldAt"),
    decided_at: arg("decidedAt"),
    person: arg("person"),
    said: arg("said"),
  }),
);

/** What is held of a person. */
export const pendingOfPerson = statement<{ tenantId: string; person: Uint8Array }>()((db, arg) =>
  db
    .selectFrom("reviews")
    .select("id")
    .where("tenant_id", "=", arg("tenantId"))
    .where("person", "=", arg("person"))
    .where("state", "=", sql.lit("pending" as const))
    .orderBy("id"),
);

/** What is held of one thing that a person said. */
export const pendingOfSaid = statement<{
  tenantId: string;
  person: Uint8Array;
  said: Uint8Array;
}>()((db, arg) =>
  db
    .selectFrom("reviews")
    .select("id")
    .where("tenant_id", "=", arg("tenantId"))
    .where("person", "=", arg("person"))
    .where("said", "=", arg("said"))
    .where("state", "=", sql.lit("pending" as const))
    .orderBy("id"),
);

export const reviewById = statement<{ tenantId: string; id: string }>()((db, arg) =>
  db
    .selectFrom("reviews")
    .selectAll()
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "=", arg("id")),
);

/** What waits longest. */
export const oldestPending = statement<{ tenantId: string; limit: number }>()((db, arg) =>
  db
    .selectFrom("reviews")
    .selectAll()
    .where("tenant_id", "=", arg("tenantId"))
    .where("state", "=", sql.lit("pending" as const))
    .orderBy("held_at")
    .orderBy("id")
    .limit(arg("limit")),
);

export const countPending = statement<{ tenantId: string }>()((db, arg) =>
  db
    .selectFrom("reviews")
    .select((eb) => eb.cast<number>(eb.fn.countAll(), "integer").as("count"))
    .where("tenant_id", "=", arg("tenantId"))
    .where("state", "=", sql.lit("pending" as const)),
);

/** Decides a review that nobody decided, and forgets what was held and of whom: it goes on in its message. */
export const decideReview = statement<{
  tenantId: string;
  id: string;
  state: Exclude<ReviewsTable["state"], "pending">;
  nothing: Uint8Array;
  decidedAt: number;
}>()((db, arg) =>
  db
    .updateTable("reviews")
    .set({
      state: arg("state"),
      content: arg("nothing"),
      decided_at: arg("decidedAt"),
      person: null,
      said: null,
    })
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "=", arg("id"))
    .where(stateOfRow, "=", sql.lit("pending")),
);

/** What has waited since before then, of all tenants. */
export const pendingSince = statement<{ before: number; limit: number }>()((db, arg) =>
  db
    .selectFrom("reviews")
    .select(["tenant_id", "id"])
    .where("state", "=", sql.lit("pending" as const))
    .where("held_at", "<", arg("before"))
    .orderBy("held_at")
    .limit(arg("limit")),
);

/** Forgets what was decided before then, of all tenants. */
export const forgetDecided = statement<{ before: number }>()((db, arg) =>
  db
    .deleteFrom("reviews")
    .where("state", "<>", sql.lit("pending" as const))
    .where("decided_at", "<", arg("before")),
);
