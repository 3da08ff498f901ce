import { sql } from "kysely";
import { statement } from "../store/statement.ts";

// Statements on whose data must be kept; each names the tenant.

interface HoldKey {
  readonly tenantId: string;
  /** Empty = everybody of the tenant. */
  readonly person: Uint8Array;
}

export const putHold = statement<HoldKey & { since: number }>()((db, arg) =>
  db
    .insertInto("legal_holds")
    .values({ tenant_id: arg("tenantId"), person: arg("person"), since: arg("since") })
    .onConflict((conflict) => conflict.doNothing()),
);

export const removeHold = statement<HoldKey>()((db, arg) =>
  db
    .deleteFrom("legal_holds")
    .where("tenant_id", "=", arg("tenantId"))
    .where("person", "=", arg("person")),
);

/** Holds on everybody of the tenant, and on this person. */
export const holdsOn = statement<HoldKey & { everybody: Uint8Array }>()((db, arg) =>
  db
    .selectFrom("legal_holds")
    .select(["person", "since"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("person", "in", [arg("person"), arg("everybody")]),
);

/** Any hold of the tenant. */
export const anyHold = statement<{ tenantId: string }>()((db, arg) =>
  db
    .selectFrom("legal_holds")
    .select(sql<number>`1`.as("one"))
    .where("tenant_id", "=", arg("tenantId"))
    .limit(1),
);
