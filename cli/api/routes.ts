import { type AgentRouteParts, agentHandlers } from "./agent-routes.ts";
import { type ApprovalRouteParts, approvalHandlers, approvalsQuery } from "./approval-routes.ts";
import { type AuditRouteParts, auditHandlers, auditQuery } from "./audit-routes.ts";
import { type DataRightsRouteParts, dataRightsHandlers, personBody } from "./data-rights-routes.ts";
import { type KeyRouteParts, keyBody, keyHandlers } from "./key-routes.ts";
import { tenantQuery } from "./known-tenant.ts";
import { type MemoryRouteParts, memoryHandlers, memoryQuery } from "./memory-routes.ts";
import { type MetricsRouteParts, metricsRoute } from "./metrics-route.ts";
import { openapi } from "./openapi.ts";
import { type QueueRouteParts, queueHandlers, queueQuery } from "./queue-routes.ts";
import { type Route, route } from "./route.ts";
import { type SkillRouteParts, skillHandlers } from "./skill-routes.ts";
import { type TenantRouteParts, tenantHandlers, tenantsQuery } from "./tenant-routes.ts";

/** Everything that the API does. */
export const createRoutes = (
  parts: QueueRouteParts &
    KeyRouteParts &
    AuditRouteParts &
    MemoryRouteParts &
    DataRightsRouteParts &
    ApprovalRouteParts &
    TenantRouteParts &
    AgentRouteParts &
    SkillRouteParts &
    MetricsRouteParts,
): readonly Route[] => {
  const queue = queueHandlers(parts);
  const keys = keyHandlers(parts);
  const audit = auditHandlers(parts);
  const approvals = approvalHandlers(parts);
  const memory = memoryHandlers(parts);
  const dataRights = dataRightsHandlers(parts);
  const ofPerson = { query: tenantQuery, body: personBody };
  const routes: Route[] = [
    route("GET /api/queue", queue.list, { query: queueQuery }),
    route("GET /api/queue/:id", queue.show),
    route("POST /api/queue/:id/replay", queue.replay),
    route("DELETE /api/queue/:id", queue.drop),
    route("GET /api/approvals", approvals.list, { query: approvalsQuery }),
    route("POST /api/approvals/:id/release", approvals.release),
    route("POST /api/approvals/:id/reject", approvals.reject),
    route("GET /api/audit/logs", audit.logs, { query: auditQuery }),
    route("GET /api/memory/search", memory.search, { query: memoryQuery }),
    route("POST /api/data-rights/export", dataRights.exportData, ofPerson),
    route("POST /api/data-rights/erase", dataRights.erase, ofPerson),
    route("GET /api/keys", keys.list),
    route("POST /api/keys", keys.create, { body: keyBody }),
    route("DELETE /api/keys/:id", keys.revoke),
    route("GET /api/tenants", tenantHandlers(parts).list, { query: tenantsQuery }),
    route("GET /api/agents", agentHandlers(parts).list, { query: tenantQuery }),
    route("GET /api/skills", skillHandlers(parts).list, { query: tenantQuery }),
    metricsRoute(parts),
    route("GET /api/openapi.json", async () => ({ status: 200, body: openapi(routes) })),
  ];
  return routes;
};
