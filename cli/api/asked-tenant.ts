import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { AuditLog } from "../../core/audit-log.ts";
import { homeOf } from "../../core/operators/operator.ts";
import type { Permission } from "../../core/operators/permissions.ts";
import { PLATFORM_SCOPE } from "../../core/store/scope.ts";
import { checked } from "./checked.ts";
import { ApiError } from "./errors.ts";
import type { Call } from "./route.ts";

/** Where refused requests go on record. */
export interface RefusalParts {
  readonly auditLog: Pick<AuditLog, "record">;
  readonly now: () => Date;
}

/** Refuses with 403, and puts on record with whose key that was tried, and for which tenant. */
export const forbid = async (
  { auditLog, now }: RefusalParts,
  { key }: Call,
  permission: Permission,
  message: string,
  tenant?: string,
): Promise<never> => {
  await auditLog.record({
    at: now(),
    traceId: randomUUID(),
    actor: key.id,
    action: "api",
    durationMs: 0,
    scope: homeOf({ who: key.id, tenantId: key.tenantId }),
    subject: permission,
    decision: "refused",
    code: "FORBIDDEN",
    ...(tenant !== undefined && { detail: { tenant } }),
  });
  throw new ApiError(403, "FORBIDDEN", message);
};

/** The one tenant that a request is about: the key's, the header's, or for an operator's key `tenant=`. */
export const askedTenant = async (
  parts: RefusalParts,
  call: Call,
  permission: Permission,
): Promise<string> => {
  const own = call.operator.tenantId;
  await mustBeOwn(parts, call, permission);
  if (own !== undefined) return own;
  const { tenant } = checked("query", tenantSchema, filled(call.query));
  if (tenant !== undefined) return tenant;
  // Only a log is kept for what belongs to no tenant.
  const none = permission === "log:view" ? `, ${PLATFORM_SCOPE.tenantId} for what is nobody's` : "";
  throw new ApiError(
    400,
    "BAD_REQUEST",
    `query: this key is for all tenants: say whose with tenant= or X-Tenant-ID${none}`,
  );
};

/**
 * Refuses a request that is for one tenant and asks for another, however it spells it: who looks
 * for a spelling that passes is on record like who asks plainly.
 */
export const mustBeOwn = async (
  parts: RefusalParts,
  call: Call,
  permission: Permission,
): Promise<void> => {
  const own = call.operator.tenantId;
  const { tenant = own } = filled(call.query);
  if (own === undefined || tenant === own) return;
  const message = `this request is for tenant ${own} only: leave tenant= out`;
  await forbid(parts, call, permission, message, tenantId.safeParse(tenant).data);
};

/** A tenant's id, or `_platform`, as queries name it. */
export const tenantId = z
  .string("one tenant id")
  .regex(/^(_platform|[a-z0-9][a-z0-9_-]{0,62})$/, "one tenant id");

const tenantSchema = z.looseObject({ tenant: tenantId.optional() });

/** Without the parameters that are there but empty, which ask for nothing. */
export const filled = (query: Call["query"]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ""));
