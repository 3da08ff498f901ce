import type { Settings } from "../../config/schema.ts";
import type { AuditLog } from "../../core/audit-log.ts";
import { EXPOSITION_TYPE } from "../../core/metrics/exposition.ts";
import { forbid } from "./asked-tenant.ts";
import { ApiError } from "./errors.ts";
import { type Route, route } from "./route.ts";

export interface MetricsRouteParts {
  readonly auditLog: AuditLog;
  readonly settings: () => Pick<Settings, "monitoring">;
  /** The text of one scrape. */
  readonly scrape: () => Promise<string>;
  readonly now: () => Date;
}

/** The route of metrics, at the path that the settings had when the gateway started. */
export const metricsRoute = (parts: MetricsRouteParts): Route => {
  const { settings, scrape } = parts;
  const read: Route["handle"] = async (call) => {
    if (!settings().monitoring.metrics.enabled) {
      throw new ApiError(404, "NOT_FOUND", "metrics are off: set monitoring.metrics.enabled");
    }
    // Every figure is of all tenants together, or says whose it is.
    if (call.operator.tenantId !== undefined) {
      const message =
        "metrics are for operators' keys, which have no tenant: make one without --tenant, and leave X-Tenant-ID out";
      return forbid(parts, call, "metrics:view", message);
    }
    return { status: 200, body: await scrape(), type: EXPOSITION_TYPE };
  };
  return { ...route("GET /metrics", read), path: settings().monitoring.metrics.endpoint };
};
