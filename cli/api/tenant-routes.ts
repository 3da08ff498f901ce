import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Settings } from "../../config/schema.ts";
import type { TenantIndex } from "../../config/tenant.ts";
import type { AuditLog } from "../../core/audit-log.ts";
import { readUsage } from "../../core/budget/budget.ts";
import { monthOf } from "../../core/budget/month.ts";
import { allowed, homeOf } from "../../core/operators/operator.ts";
import { tenantScope } from "../../core/store/scope.ts";
import type { Store } from "../../core/store/store.ts";
import { filled, mustBeOwn, tenantId } from "./asked-tenant.ts";
import { checked } from "./checked.ts";
import { ApiError } from "./errors.ts";
import type { Route } from "./route.ts";

export interface TenantRouteParts {
  readonly store: Store;
  readonly auditLog: AuditLog;
  readonly settings: () => Pick<Settings, "multi_tenant">;
  readonly tenants: () => Pick<TenantIndex, "get">;
  readonly now: () => Date;
}

type TenantSettings = Settings["multi_tenant"]["tenants"][number];

/** What the route of tenants does; as the verbs of `clawgate tenant`. */
export const tenantHandlers = (parts: TenantRouteParts) => {
  const { store, auditLog, settings, tenants, now } = parts;

  /** What a tenant's settings say, without secrets, and what its models cost this month. */
  const view = async (written: TenantSettings) => {
    const tenant = tenants().get(written.id);
    const month = monthOf(now(), written.time_zone);
    const { spentUsd, reservedUsd } = await readUsage(store, tenantScope(written.id), month);
    return {
      id: written.id,
      name: written.name ?? written.id,
      locale: written.locale ?? null,
      time_zone: written.time_zone ?? "UTC",
      bindings: written.bindings,
      external_users: written.external_users,
      provider: tenant?.provider ?? null,
      model: tenant?.model ?? null,
      data_residency: tenant?.dataResidency ?? null,
      agents: (written.agents ?? []).map(({ name }) => name),
      max_agents: written.max_agents ?? null,
      allowed_skills: written.allowed_skills,
      blocked_skills: written.blocked_skills,
      max_risk: written.skill_policy?.max_risk ?? "high",
      rate_limits: written.rate_limits,
      data_retention_days: written.data_retention_days ?? null,
      budget: {
        monthly_usd: written.max_api_budget_monthly_usd ?? null,
        month,
        spent_usd: spentUsd,
        reserved_usd: reservedUsd,
      },
    };
  };

  const list: Route["handle"] = async (call) => {
    const { operator } = call;
    await mustBeOwn(parts, call, "tenant:view");
    const { tenant, limit, cursor = "" } = checked("query", tenantsQuery, filled(call.query));
    const only = tenant ?? operator.tenantId;
    const found = settings()
      .multi_tenant.tenants.filter(({ id }) => (only === undefined || id === only) && id > cursor)
      .sort((one, other) => (one.id < other.id ? -1 : 1));
    if (tenant !== undefined && found.length === 0) {
      throw new ApiError(404, "NOT_FOUND", `the settings have no tenant ${tenant}`);
    }
    const page = found.slice(0, limit);
    await auditLog.record(
      allowed(operator, now(), {
        scope: homeOf(operator),
        action: "tenant.list",
        subject: "tenants",
        detail: { shown: page.length },
        traceId: randomUUID(),
      }),
    );
    const views = [];
    for (const each of page) views.push(await view(each));
    const next = found.length > page.length ? (page.at(-1)?.id ?? null) : null;
    return { status: 200, body: { tenants: views, next } };
  };

  return { list };
};

/** What `GET /api/tenants` takes. */
export const tenantsQuery = z.strictObject({
  tenant: tenantId.optional(),
  cursor: z.string().max(64).optional(),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, "a whole number")
    .transform(Number)
    .pipe(z.int().min(1).max(500))
    .default(50),
});
