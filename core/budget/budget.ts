import type { Tenant } from "../../config/tenant.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { type BudgetAlertParts, createBudgetAlerts } from "./alerts.ts";
import { limitOf, type NanoUsd, toUsd } from "./money.ts";
import { monthOf } from "./month.ts";
import { costsOf, reserveCost, settleCost } from "./rows.ts";

/** What tenants' models cost, held to their monthly limits on all replicas of one store. */
export interface Budget {
  /**
   * Sets aside the most that a call can cost; undefined when that does not fit into what the month
   * has left, and then the call must not be made. Rejects when the store is away.
   */
  reserve(payer: Payer, most: NanoUsd): Promise<Reservation | undefined>;
  /** What the current month has cost. */
  usage(scope: TenantScope, payer: Pick<Payer, "timeZone">): Promise<Usage>;
}

/** Whose money it is. */
export type Payer = Pick<Tenant, "id" | "timeZone" | "monthlyBudgetUsd" | "contacts">;

/** Money set aside for one call. Unless it is settled it stays charged in full. */
export interface Reservation {
  /** Puts what the call cost in its place, once. Never rejects: failing that, all of it stays charged. */
  settle(cost: NanoUsd): Promise<void>;
}

export interface Usage {
  /** In the tenant's time zone, e.g. `2026-03`. */
  readonly month: string;
  readonly spentUsd: number;
  /** The most that calls can cost that are under way, or whose process died under them. */
  readonly reservedUsd: number;
}

const NO_LIMIT: NanoUsd = Number.MAX_SAFE_INTEGER;

export const createBudget = (parts: BudgetAlertParts): Budget => {
  const { store, log, now, counters } = parts;
  const alerts = createBudgetAlerts(parts);

  const settle = async (
    payer: Payer,
    month: string,
    { reserved, spent }: { readonly reserved: NanoUsd; readonly spent: NanoUsd },
  ): Promise<void> => {
    const place = { tenantId: payer.id, month };
    const costs = await store.note(tenantScope(payer.id), async (transaction) => {
      await transaction.run(settleCost, { ...place, reserved, spent });
      return transaction.first(costsOf, place);
    });
    counters.modelCostUsd += toUsd(spent);
    await alerts.tell(payer, "BUDGET_WARNING", { month, costs });
  };

  return {
    reserve: async (payer, most) => {
      const month = monthOf(now(), payer.timeZone);
      const place = { tenantId: payer.id, month };
      // Durable: a power loss must not give money back that a model was already asked for.
      const atMost = limitIn(payer) - most;
      const isReserved =
        atMost >= 0 &&
        (await store.write(tenantScope(payer.id), (transaction) =>
          transaction.run(reserveCost, { ...place, amount: most, atMost }),
        )) > 0;
      if (!isReserved) {
        const costs = await costsIn(store, tenantScope(payer.id), month);
        // Where a process died over its call, nobody has settled and so told of four fifths.
        await alerts.tell(payer, "BUDGET_WARNING", { month, costs });
        await alerts.tell(payer, "BUDGET_EXCEEDED", { month, costs });
        return undefined;
      }
      let isSettled = false;
      return {
        settle: async (cost) => {
          if (isSettled) return;
          isSettled = true;
          try {
            await settle(payer, month, { reserved: most, spent: cost });
          } catch (cause) {
            // Whether it was written is unknown, so it is not tried again: that could count it twice.
            const fields = { err: cause, alert: "cost_not_settled", tenant: payer.id };
            log.error({ ...fields, reservedUsd: toUsd(most) }, "cost not settled; charged in full");
          }
        },
      };
    },
    usage: (scope, { timeZone }) => readUsage(store, scope, monthOf(now(), timeZone)),
  };
};

/** What a month has cost a tenant, for who only looks. Rejects when the store is away. */
export const readUsage = async (
  store: Store,
  scope: TenantScope,
  month: string,
): Promise<Usage> => {
  const costs = await costsIn(store, scope, month);
  return { month, spentUsd: toUsd(costs?.spent ?? 0), reservedUsd: toUsd(costs?.reserved ?? 0) };
};

const costsIn = (store: Store, scope: TenantScope, month: string) =>
  store.read(scope, (transaction) =>
    transaction.first(costsOf, { tenantId: scope.tenantId, month }),
  );

const limitIn = ({ monthlyBudgetUsd }: Payer): NanoUsd =>
  monthlyBudgetUsd === undefined ? NO_LIMIT : limitOf(monthlyBudgetUsd);
