import { sql } from "kysely";
import { MANY, type ManyIds } from "../delivery/many-ids.ts";
import { TENANT_KEY } from "../rate-limits/rows.ts";
import { statement } from "../store/statement.ts";

// Statements on what is stored about one person; each names the tenant.

/** Messages of a tenant behind a place, oldest first; whose they are is sealed. */
export const messagesAfter = statement<{ tenantId: string; after: number; limit: number }>()(
  (db, arg) =>
    db
      .selectFrom("inbox")
      .select(["id", "channel", "key", "state", "message", "received_at"])
      .where("tenant_id", "=", arg("tenantId"))
      .where("id", ">", arg("after"))
      .orderBy("id")
      .limit(arg("limit")),
);

/** What was, or is to be, sent for a message. */
export const repliesTo = statement<{ tenantId: string; inboxId: number }>()((db, arg) =>
  db
    .selectFrom("outbox")
    .select(["part", "state", "content", "created_at"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "=", arg("inboxId"))
    .orderBy("part"),
);

export const eraseReplies = statement<ManyIds>()((db, arg) =>
  db
    .deleteFrom("outbox")
    .where("tenant_id", "=", arg("tenantId"))
    .where("inbox_id", "in", MANY.map(arg)),
);

/**
 * Empties messages, whatever their state: a turn that is at one of them ends without an answer. That
 * they came stays known for as long as of any other, so that a redelivery is no new message.
 */
export const eraseMessages = statement<ManyIds>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({
      message: new Uint8Array(0),
      lane: "[]",
      state: "done",
      owner: "",
      stop: 0,
      reason: null,
    })
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "in", MANY.map(arg)),
);

export const eraseConsents = statement<{ tenantId: string; person: Uint8Array }>()((db, arg) =>
  db
    .deleteFrom("consents")
    .where("tenant_id", "=", arg("tenantId"))
    .where("person", "=", arg("person")),
);

export const eraseReview = statement<{ tenantId: string; id: string }>()((db, arg) =>
  db.deleteFrom("reviews").where("tenant_id", "=", arg("tenantId")).where("id", "=", arg("id")),
);

/** What waits for a reviewer behind a place; whose it is is sealed. */
export const reviewsAfter = statement<{ tenantId: string; after: string; limit: number }>()(
  (db, arg) =>
    db
      .selectFrom("reviews")
      .select(["id", "direction", "held_at", "content"])
      .where("tenant_id", "=", arg("tenantId"))
      .where("state", "=", sql.lit("pending" as const))
      .where("id", ">", arg("after"))
      .orderBy("id")
      .limit(arg("limit")),
);

/** How fast each person of a tenant writes. */
export const personBuckets = statement<{ tenantId: string }>()((db, arg) =>
  db
    .selectFrom("rate_limits")
    .select(["key", "full_at", "told_until"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("key", "<>", TENANT_KEY),
);

/** All keys of what a channel remembers, also where its time is over. */
export const keysOfChannel = statement<{ tenantId: string; channel: string }>()((db, arg) =>
  db
    .selectFrom("channel_state")
    .select("key")
    .where("tenant_id", "=", arg("tenantId"))
    .where("channel", "=", arg("channel")),
);

export const eraseBucket = statement<{ tenantId: string; key: string }>()((db, arg) =>
  db
    .deleteFrom("rate_limits")
    .where("tenant_id", "=", arg("tenantId"))
    .where("key", "=", arg("key")),
);
