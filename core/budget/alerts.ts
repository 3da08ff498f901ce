import { randomUUID } from "node:crypto";
import type { Tenant } from "../../config/tenant.ts";
import type { AuditLog } from "../audit-log.ts";
import type { Log } from "../contract/log.ts";
import type { Counters } from "../delivery/counters.ts";
import type { Notices } from "../notices/notices.ts";
import { tenantScope } from "../store/scope.ts";
import type { Store, Transaction } from "../store/store.ts";
import { limitOf, type NanoUsd, toUsd } from "./money.ts";
import { type Costs, claimRefusal, claimWarning, type MonthPlace } from "./rows.ts";

/** Tells of a month's budget: once of each thing, and again of a larger budget. */
export interface BudgetAlerts {
  /**
   * Puts it on record and tells the tenant's contacts, if it is due and nobody did so before. Never
   * rejects: what is not told because the store is away, or the process dies, is told by the next call.
   */
  tell(whose: Warned, code: AlertCode, state: MonthState): Promise<void>;
}

export type Warned = Pick<Tenant, "id" | "monthlyBudgetUsd" | "contacts">;

export interface MonthState {
  /** In the tenant's time zone, e.g. `2026-03`. */
  readonly month: string;
  /** As they are now; undefined = nothing was spent yet. */
  readonly costs: Costs | undefined;
}

export interface BudgetAlertParts {
  readonly store: Store;
  readonly auditLog: AuditLog;
  readonly notices: Notices;
  readonly log: Log;
  readonly now: () => Date;
  readonly counters: Counters;
}

/** The part of a budget whose use is told of. */
const WARN_AT = 0.8;
const NO_COSTS: Costs = { spent: 0, reserved: 0, warned_of: -1, refused_of: -1 };

export const createBudgetAlerts = (parts: BudgetAlertParts): BudgetAlerts => {
  const { store, auditLog, notices, log, now, counters } = parts;

  const tellOf = async (
    { id: tenantId, contacts = [] }: Warned,
    limitUsd: number,
    code: AlertCode,
    { month, costs = NO_COSTS }: MonthState,
  ): Promise<void> => {
    const { kind, text, isDue, claim } = ALERTS[code];
    const limit = limitOf(limitUsd);
    if (!isDue(costs, limit)) return;
    const scope = tenantScope(tenantId);
    const usedUsd = toUsd(costs.spent + costs.reserved);
    const notice = { kind, tenantId, month, limitUsd, usedUsd };
    const prepared = await notices.prepare(notice, contacts);
    const { unreachable } = prepared;
    const record = await auditLog.prepare({
      at: now(),
      traceId: randomUUID(),
      scope,
      actor: "gateway",
      action: "budget.alert",
      subject: month,
      decision: "allowed",
      code,
      durationMs: 0,
      namesPeople: true,
      detail: {
        month,
        limitUsd,
        contacts: contacts.join(" "),
        ...(unreachable.length > 0 && { unreachable: unreachable.join(" ") }),
      },
    });
    const isFirst = await store.write(scope, async (transaction) => {
      if ((await claim(transaction, { tenantId, month }, limit)) === 0) return false;
      await prepared.storeIn(transaction);
      await auditLog.recordIn(transaction, record);
      return true;
    });
    if (!isFirst) return;
    prepared.begin();
    counters.budgetAlerts++;
    const fields = { alert: kind, tenant: tenantId, month, limitUsd, contacts, unreachable };
    const rest = unreachable.length > 0 ? "; nothing can be sent to some contacts: tell them" : "";
    log.warn(fields, `${text}${rest}`);
  };

  return {
    tell: async (whose, code, state) => {
      const { id: tenant, monthlyBudgetUsd } = whose;
      if (monthlyBudgetUsd === undefined) return;
      try {
        await tellOf(whose, monthlyBudgetUsd, code, state);
      } catch (cause) {
        const fields = { err: cause, alert: "budget_alert_not_told", tenant, code };
        log.error(fields, "budget alert not told; the next call tries again");
      }
    },
  };
};

/** More than nothing: a budget of nought is at its end from the first. */
const thresholdOf = (limit: NanoUsd): NanoUsd => Math.max(1, Math.ceil(limit * WARN_AT));

const ALERTS = {
  BUDGET_WARNING: {
    kind: "budget_warning",
    text: "four fifths of a tenant's monthly budget are spent or reserved",
    isDue: ({ spent, reserved, warned_of }: Costs, limit: NanoUsd) =>
      warned_of < limit && spent + reserved >= thresholdOf(limit),
    claim: (transaction: Transaction, place: MonthPlace, limit: NanoUsd) =>
      transaction.run(claimWarning, { ...place, limit, threshold: thresholdOf(limit) }),
  },
  BUDGET_EXCEEDED: {
    kind: "budget_exceeded",
    text: "a tenant's monthly budget refused a call for the first time",
    isDue: ({ refused_of }: Costs, limit: NanoUsd) => refused_of < limit,
    claim: (transaction: Transaction, place: MonthPlace, limit: NanoUsd) =>
      transaction.run(claimRefusal, { ...place, limit }),
  },
} as const;

type AlertCode = keyof typeof ALERTS;
