import { randomUUID } from "node:crypto";
import type { Tenant } from "../../config/tenant.ts";
import type { AuditLog } from "../audit-log.ts";
import type { Log } from "../contract/log.ts";
import type { Counters } from "../delivery/counters.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store, Transaction } from "../store/store.ts";
import { limitOf, type NanoUsd, toUsd } from "./money.ts";
import { monthOf } from "./month.ts";
import { claimRefusal, claimWarning, costsOf, reserveCost, settleCost } from "./rows.ts";

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

export interface BudgetParts {
  readonly store: Store;
  readonly auditLog: AuditLog;
  readonly log: Log;
  readonly now: () => Date;
  readonly counters: Counters;
}

/** The part of a budget whose use is told of. */
const WARN_AT = 0.8;
const NO_LIMIT: NanoUsd = Number.MAX_SAFE_INTEGER;

export const createBudget = ({ store, auditLog, log, now, counters }: BudgetParts): Budget => {
  /** Tells the operators, on record; the tenant's contacts are named, since mail is not sent yet. */
  const tell = async (
    transaction: Transaction,
    payer: Payer,
    { code, month }: { readonly code: Alert; readonly month: string },
  ): Promise<() => void> => {
    const { contacts = [] } = payer;
    const facts = { month, limitUsd: payer.monthlyBudgetUsd ?? 0 };
    await auditLog.recordIn(transaction, {
      ...{ at: now(), traceId: randomUUID(), scope: tenantScope(payer.id), actor: "gateway" },
      ...{ action: "budget.alert", subject: month, decision: "allowed", code, durationMs: 0 },
      detail: { ...facts, contacts: contacts.join(" ") },
    });
    return () => {
      counters.budgetAlerts++;
      const fields = { alert: code.toLowerCase(), tenant: payer.id, ...facts, contacts };
      log.warn(fields, `${ALERTS[code]}; tell the contacts, nothing is sent to them yet`);
    };
  };

  const settle = async (
    payer: Payer,
    month: string,
    { reserved, spent }: { readonly reserved: NanoUsd; readonly spent: NanoUsd },
  ): Promise<void> => {
    const place = { tenantId: payer.id, month };
    const limit = limitIn(payer);
    const warn = await store.note(tenantScope(payer.id), async (transaction) => {
      await transaction.run(settleCost, { ...place, reserved, spent });
      if (limit === NO_LIMIT) return undefined;
      const threshold = Math.ceil(limit * WARN_AT);
      const isFirst = (await transaction.run(claimWarning, { ...place, limit, threshold })) > 0;
      return isFirst ? tell(transaction, payer, { code: "BUDGET_WARNING", month }) : undefined;
    });
    counters.modelCostUsd += toUsd(spent);
    warn?.();
  };

  return {
    reserve: async (payer, most) => {
      const month = monthOf(now(), payer.timeZone);
      const place = { tenantId: payer.id, month };
      const limit = limitIn(payer);
      // Durable: a power loss must not give money back that a model was already asked for.
      const outcome = await store.write(tenantScope(payer.id), async (transaction) => {
        const atMost = limit - most;
        const args = { ...place, amount: most, atMost };
        if (atMost >= 0 && (await transaction.run(reserveCost, args)) > 0) return "reserved";
        const isFirst = (await transaction.run(claimRefusal, { ...place, limit })) > 0;
        return isFirst ? tell(transaction, payer, { code: "BUDGET_EXCEEDED", month }) : "refused";
      });
      if (typeof outcome === "function") outcome();
      if (outcome !== "reserved") return undefined;
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
  const { tenantId } = scope;
  const row = await store.read(scope, (transaction) =>
    transaction.first(costsOf, { tenantId, month }),
  );
  return { month, spentUsd: toUsd(row?.spent ?? 0), reservedUsd: toUsd(row?.reserved ?? 0) };
};

const ALERTS = {
  BUDGET_WARNING: "four fifths of a tenant's monthly budget are spent or reserved",
  BUDGET_EXCEEDED: "a tenant's monthly budget refused a call for the first time",
} as const;

type Alert = keyof typeof ALERTS;

const limitIn = ({ monthlyBudgetUsd }: Payer): NanoUsd =>
  monthlyBudgetUsd === undefined ? NO_LIMIT : limitOf(monthlyBudgetUsd);
