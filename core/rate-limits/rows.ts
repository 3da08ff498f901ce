import { sql } from "kysely";
import { statement } from "../store/statement.ts";

// Statements on the buckets that replicas share; instants are epoch microseconds.

/** The bucket that all of a tenant's messages share. */
export const TENANT_KEY = "tenant";

interface Place {
  readonly tenantId: string;
  readonly key: string;
}

/** Takes one message out of the bucket; no row is changed when there is none left in it. */
export const takeFromBucket = statement<
  Place & {
    readonly nowUs: number;
    readonly stepUs: number;
    /** As full as the bucket may be before the message. */
    readonly latestUs: number;
    readonly firstUs: number;
  }
>()((db, arg) =>
  db
    .insertInto("rate_limits")
    .values({ tenant_id: arg("tenantId"), key: arg("key"), full_at: arg("firstUs") })
    .onConflict((conflict) =>
      conflict
        .columns(["tenant_id", "key"])
        .doUpdateSet({
          full_at: sql<number>`CASE WHEN rate_limits.full_at > ${arg("nowUs")}
            THEN rate_limits.full_at + ${arg("stepUs")} ELSE excluded.full_at END`,
        })
        .where("rate_limits.full_at", "<=", arg("latestUs")),
    ),
);

/** When the bucket will be full again. */
export const fullAt = statement<Place>()((db, arg) =>
  db
    .selectFrom("rate_limits")
    .select("full_at")
    .where("tenant_id", "=", arg("tenantId"))
    .where("key", "=", arg("key")),
);

/** One row is changed for whoever may tell the bucket's owner. */
export const claimToTell = statement<
  Place & { readonly nowUs: number; readonly untilUs: number }
>()((db, arg) =>
  db
    .updateTable("rate_limits")
    .set({ told_until: arg("untilUs") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("key", "=", arg("key"))
    .where("told_until", "<=", arg("nowUs")),
);

/**
 * Forgets buckets that are full, of people who may be told again. Not the tenant's: whoever takes
 * holds their own row when they come to it, which this may be waiting for.
 */
export const deleteFullBuckets = statement<{ tenantId: string; nowUs: number }>()((db, arg) =>
  db
    .deleteFrom("rate_limits")
    .where("tenant_id", "=", arg("tenantId"))
    .where("key", "<>", TENANT_KEY)
    .where("full_at", "<=", arg("nowUs"))
    .where("told_until", "<=", arg("nowUs")),
);
