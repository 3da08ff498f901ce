import { randomUUID } from "node:crypto";
import type { TenantIndex } from "../../config/tenant.ts";
import type { AuditLog } from "../../core/audit-log.ts";
import type { Skill } from "../../core/contract/skill.ts";
import { allowed } from "../../core/operators/operator.ts";
import { tenantScope } from "../../core/store/scope.ts";
import { allowedTo } from "../allowed-skills.ts";
import { knownTenant } from "./known-tenant.ts";
import type { Route } from "./route.ts";

export interface SkillRouteParts {
  readonly auditLog: AuditLog;
  readonly tenants: () => Pick<TenantIndex, "get">;
  /** Those that could be loaded. */
  readonly skills: () => ReadonlyMap<string, Skill>;
  readonly now: () => Date;
}

/** What the route of skills does: it never tells of one that the tenant may not use. */
export const skillHandlers = (parts: SkillRouteParts) => {
  const { auditLog, skills, now } = parts;

  const list: Route["handle"] = async (call) => {
    const tenant = await knownTenant(parts, call, "skill:view");
    const found = allowedTo(tenant, skills());
    await auditLog.record(
      allowed(call.operator, now(), {
        scope: tenantScope(tenant.id),
        action: "skill.list",
        subject: "skills",
        detail: { shown: found.length },
        traceId: randomUUID(),
      }),
    );
    return { status: 200, body: { tenant: tenant.id, skills: found.map(view) } };
  };

  return { list };
};

const view = ({ name, description, risk, digest, entry, egress, secrets }: Skill) => ({
  name,
  description,
  risk,
  digest,
  language: entry?.language ?? null,
  egress,
  secrets,
});
