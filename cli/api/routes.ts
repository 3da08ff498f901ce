import { type AuditRouteParts, auditHandlers } from "./audit-routes.ts";
import { type KeyRouteParts, keyHandlers } from "./key-routes.ts";
import { type QueueRouteParts, queueHandlers } from "./queue-routes.ts";
import type { Route } from "./route.ts";

/** Everything that the API does, each with the permission that it takes. */
export const createRoutes = (
  parts: QueueRouteParts & KeyRouteParts & AuditRouteParts,
): readonly Route[] => {
  const queue = queueHandlers(parts);
  const keys = keyHandlers(parts);
  const audit = auditHandlers(parts);
  return [
    { method: "get", path: "/api/queue", permission: "queue:view", handle: queue.list },
    { method: "get", path: "/api/queue/:id", permission: "queue:view", handle: queue.show },
    {
      method: "post",
      path: "/api/queue/:id/replay",
      permission: "queue:manage",
      handle: queue.replay,
    },
    { method: "delete", path: "/api/queue/:id", permission: "queue:manage", handle: queue.drop },
    { method: "get", path: "/api/audit/logs", permission: "log:view", handle: audit.logs },
    { method: "get", path: "/api/keys", permission: "key:manage", handle: keys.list },
    { method: "post", path: "/api/keys", permission: "key:manage", handle: keys.create },
    { method: "delete", path: "/api/keys/:id", permission: "key:manage", handle: keys.revoke },
  ];
};
