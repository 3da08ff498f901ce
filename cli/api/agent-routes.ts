import { randomUUID } from "node:crypto";
import type { Tenant, TenantIndex } from "../../config/tenant.ts";
import type { AuditLog } from "../../core/audit-log.ts";
import type { Skill } from "../../core/contract/skill.ts";
import { servedBy } from "../../core/named-agents.ts";
import { allowed } from "../../core/operators/operator.ts";
import { tenantScope } from "../../core/store/scope.ts";
import { allowedTo } from "../allowed-skills.ts";
import { knownTenant } from "./known-tenant.ts";
import type { Route } from "./route.ts";

export interface AgentRouteParts {
  readonly auditLog: AuditLog;
  readonly tenants: () => Pick<TenantIndex, "get">;
  /** Those that could be loaded. */
  readonly skills: () => ReadonlyMap<string, Skill>;
  readonly now: () => Date;
}

/** What the route of agents does. */
export const agentHandlers = (parts: AgentRouteParts) => {
  const { auditLog, skills, now } = parts;

  const list: Route["handle"] = async (call) => {
    const tenant = await knownTenant(parts, call, "agent:view");
    const agents = tenant.agents.map((agent, at) => {
      const { name, isOtherSystem } = agent;
      const of = servedBy(tenant, agent);
      return { name, is_default: at === 0, is_other_system: isOtherSystem, ...answering(of) };
    });
    await auditLog.record(
      allowed(call.operator, now(), {
        scope: tenantScope(tenant.id),
        action: "agent.list",
        subject: "agents",
        detail: { shown: agents.length },
        traceId: randomUUID(),
      }),
    );
    // Where there are none the tenant itself answers.
    return { status: 200, body: { tenant: tenant.id, agents } };
  };

  const answering = (of: Tenant) => ({
    provider: of.provider,
    model: of.model,
    region: of.region,
    skills: allowedTo(of, skills()).map(({ name }) => name),
  });

  return { list };
};
