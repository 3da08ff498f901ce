import { statement } from "../store/statement.ts";
import type { Store } from "../store/store.ts";
import { toUsd } from "./money.ts";

/** What a tenant's month has cost. */
export interface MonthCost {
  readonly tenantId: string;
  /** In the tenant's time zone, e.g. `2026-03`. */
  readonly month: string;
  readonly spentUsd: number;
  /** The most that calls can cost that are under way, or whose process died under them. */
  readonly reservedUsd: number;
}

/** What all tenants' months have cost since this one, e.g. `2026-03`. Rejects when the store is away. */
export const readMonthCosts = async (store: Store, since: string): Promise<readonly MonthCost[]> =>
  store.read("operator", async (transaction) =>
    (await transaction.all(costsSince, { since })).map(({ tenantId, month, spent, reserved }) => ({
      tenantId,
      month,
      spentUsd: toUsd(spent),
      reservedUsd: toUsd(reserved),
    })),
  );

const costsSince = statement<{ since: string }>()((db, arg) =>
  db
    .selectFrom("model_costs")
    .select(["tenant_id as tenantId", "month", "spent", "reserved"])
    .where("month", ">=", arg("since"))
    .orderBy("tenant_id"),
);
