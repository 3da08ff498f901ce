import { type ApprovalRouteParts, approvalHandlers } from "./approval-routes.ts";
import { type AuditRouteParts, auditHandlers } from "./audit-routes.ts";
import { type KeyRouteParts, keyHandlers } from "./key-routes.ts";
import { type MemoryRouteParts, memoryHandlers } from "./memory-routes.ts";
import { type QueueRouteParts, queueHandlers } from "./queue-routes.ts";
import { type Route, route } from "./route.ts";

/** Everything that the API does. */
export const createRoutes = (
  parts: ApprovalRouteParts & QueueRouteParts & KeyRouteParts & AuditRouteParts & MemoryRouteParts,
): readonly Route[] => {
  const queue = queueHandlers(parts);
  const keys = keyHandlers(parts);
  const audit = auditHandlers(parts);
  const approvals = approvalHandlers(parts);
  const memory = memoryHandlers(parts);
  return [
    route("GET /api/queue", queue.list),
    route("GET /api/queue/:id", queue.show),
    route("POST /api/queue/:id/replay", queue.replay),
    route("DELETE /api/queue/:id", queue.drop),
    route("GET /api/approvals", approvals.list),
    route("POST /api/approvals/:id/release", approvals.release),
    route("POST /api/approvals/:id/reject", approvals.reject),
    route("GET /api/audit/logs", audit.logs),
    route("GET /api/memory/search", memory.search),
    route("GET /api/keys", keys.list),
    route("POST /api/keys", keys.create),
    route("DELETE /api/keys/:id", keys.revoke),
  ];
};
