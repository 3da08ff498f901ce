import { sql } from "kysely";
import { MANY, type ManyIds } from "../delivery/many-ids.ts";
import { stateOfRow } from "../store/state-of-row.ts";
import { statement } from "../store/statement.ts";

// Statements on what has become too old; those that change something name the tenant, and leave what
// must be kept: whoever puts a hold on it meanwhile is in time.

const isHeldExchange = sql<boolean>`exists (select 1 from legal_holds
  where legal_holds.tenant_id = memory.tenant_id
  and (legal_holds.person = memory.person or length(legal_holds.person) = 0))`;

const isHeldMessage = sql<boolean>`exists (select 1 from legal_holds
  where legal_holds.tenant_id = inbox.tenant_id)`;

const isHeldReview = sql<boolean>`exists (select 1 from legal_holds
  where legal_holds.tenant_id = reviews.tenant_id
  and (reviews.person is null or legal_holds.person = reviews.person or length(legal_holds.person) = 0))`;

const NOTHING = new Uint8Array(0);

/** What a tenant remembers that sorts before a place and may go, oldest first. */
export const expiredExchanges = statement<{
  tenantId: string;
  before: Uint8Array;
  limit: number;
}>()((db, arg) =>
  db
    .selectFrom("memory")
    .select("id")
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "<", arg("before"))
    .where((eb) => eb.not(isHeldExchange))
    .orderBy("id")
    .limit(arg("limit")),
);

export const expireExchange = statement<{ tenantId: string; id: Uint8Array }>()((db, arg) =>
  db
    .deleteFrom("memory")
    .where("tenant_id", "=", arg("tenantId"))
    .where("id", "=", arg("id"))
    .where((eb) => eb.not(isHeldExchange)),
);

/** Removes what waits for a reviewer for longer. */
export const removeReviews = statement<{ tenantId: string; before: number }>()((db, arg) =>
  db
    .deleteFrom("reviews")
    .where("tenant_id", "=", arg("tenantId"))
    .where("state", "=", sql.lit("pending" as const))
    .where("held_at", "<", arg("before"))
    .where((eb) => eb.not(isHeldReview)),
);

/** A window of the oldest messages of all tenants; runs with `intake` access. */
export const oldestMessages = statement<{ after: number; limit: number }>()((db, arg) =>
  db
    .selectFrom("inbox")
    .select(["id", "tenant_id", "state", "owner", "received_at"])
    .select(sql<number>`length(message)`.as("bytes"))
    .where("id", ">", arg("after"))
    .orderBy("id")
    .limit(arg("limit")),
);

/** Empties messages that are done, of whom they came from too; that they came stays known, so that none is taken twice. */
export const emptyMessages = statement<ManyIds>()((db, arg) =>
  db
    .updateTable("inbox")
    .set({ message: NOTHING, lane: "[]" })
    .where("id", "in", MANY.map(arg))
    .where("tenant_id", "=", arg("tenantId"))
    .where(stateOfRow, "=", sql.lit("done"))
    .where((eb) => eb.not(isHeldMessage)),
);

/** Removes replies to messages that were emptied. */
export const removeReplies = statement<ManyIds>()((db, arg) =>
  db
    .deleteFrom("outbox")
    .where("inbox_id", "in", MANY.map(arg))
    .where("tenant_id", "=", arg("tenantId"))
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom("inbox")
          .select("inbox.id")
          .whereRef("inbox.id", "=", "outbox.inbox_id")
          .where("inbox.tenant_id", "=", arg("tenantId"))
          .where("inbox.message", "=", NOTHING),
      ),
    ),
);

/** Removes messages that are dead, or that nobody has begun, with what is stored of their replies. */
export const removeMessages = statement<ManyIds>()((db, arg) =>
  db
    .deleteFrom("inbox")
    .where("id", "in", MANY.map(arg))
    .where("tenant_id", "=", arg("tenantId"))
    .where((eb) =>
      eb.or([
        eb(stateOfRow, "=", sql.lit("dead")),
        eb.and([eb(stateOfRow, "=", sql.lit("pending")), eb("owner", "=", "")]),
      ]),
    )
    .where((eb) => eb.not(isHeldMessage)),
);
