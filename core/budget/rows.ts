import { sql } from "kysely";
import { statement } from "../store/statement.ts";

// Statements on the costs of a tenant's month; amounts are billionths of a US dollar.

export interface MonthPlace {
  readonly tenantId: string;
  /** In the tenant's time zone, e.g. `2026-03`. */
  readonly month: string;
}

/** The costs of a month, and the limits whose threshold and whose end were told of; -1 = none was. */
export interface Costs {
  readonly spent: number;
  readonly reserved: number;
  readonly warned_of: number;
  readonly refused_of: number;
}

/** Adds to what is reserved, unless that would pass the limit: then no row is changed. */
export const reserveCost = statement<
  MonthPlace & {
    readonly amount: number;
    /** The most that may be spent and reserved before; the first row of a month is not held to it. */
    readonly atMost: number;
  }
>()((db, arg) =>
  db
    .insertInto("model_costs")
    .values({ tenant_id: arg("tenantId"), month: arg("month"), reserved: arg("amount") })
    .onConflict((conflict) =>
      conflict
        .columns(["tenant_id", "month"])
        .doUpdateSet({ reserved: sql<number>`model_costs.reserved + excluded.reserved` })
        .where(sql<number>`model_costs.spent + model_costs.reserved`, "<=", arg("atMost")),
    ),
);

/** Takes a reservation back and adds what the call cost. */
export const settleCost = statement<
  MonthPlace & { readonly reserved: number; readonly spent: number }
>()((db, arg) =>
  db
    .updateTable("model_costs")
    .set({
      reserved: sql<number>`model_costs.reserved - ${arg("reserved")}`,
      spent: sql<number>`model_costs.spent + ${arg("spent")}`,
    })
    .where("tenant_id", "=", arg("tenantId"))
    .where("month", "=", arg("month")),
);

/** One row is changed for whoever is the first to see that the month has come to `threshold`. */
export const claimWarning = statement<
  MonthPlace & { readonly limit: number; readonly threshold: number }
>()((db, arg) =>
  db
    .updateTable("model_costs")
    .set({ warned_of: arg("limit") })
    .where("tenant_id", "=", arg("tenantId"))
    .where("month", "=", arg("month"))
    .where("warned_of", "<", arg("limit"))
    .where(sql<number>`model_costs.spent + model_costs.reserved`, ">=", arg("threshold")),
);

/** One row is changed for whoever is the first that this limit refuses a call in this month. */
export const claimRefusal = statement<MonthPlace & { readonly limit: number }>()((db, arg) =>
  db
    .insertInto("model_costs")
    .values({ tenant_id: arg("tenantId"), month: arg("month"), refused_of: arg("limit") })
    .onConflict((conflict) =>
      conflict
        .columns(["tenant_id", "month"])
        .doUpdateSet({ refused_of: sql<number>`excluded.refused_of` })
        .where("model_costs.refused_of", "<", sql<number>`excluded.refused_of`),
    ),
);

/** The month's row, as `Costs`. */
export const costsOf = statement<MonthPlace>()((db, arg) =>
  db
    .selectFrom("model_costs")
    .select(["spent", "reserved", "warned_of", "refused_of"])
    .where("tenant_id", "=", arg("tenantId"))
    .where("month", "=", arg("month")),
);
