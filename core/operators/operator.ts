import type { AuditRecord, OwnRecord } from "../audit-log.ts";
import { type Access, PLATFORM_SCOPE, type TenantScope, tenantScope } from "../store/scope.ts";

/** Somebody who looks after the gateway, from the command line or with an API key. */
export interface Operator {
  /** As it goes on record: `cli`, or the id of the API key. */
  readonly who: string;
  /** The one tenant whose things they can see and change; absent = every tenant's. */
  readonly tenantId?: string | undefined;
}

/** What an operator may read: a confined one goes through the tenant's own wall. */
export const readingAs = ({ tenantId }: Pick<Operator, "tenantId">): Access =>
  tenantId === undefined ? "operator" : tenantScope(tenantId);

/** Where it goes on record what an operator tried when no tenant's thing was touched. */
export const homeOf = ({ tenantId }: Operator): TenantScope =>
  tenantId === undefined ? PLATFORM_SCOPE : tenantScope(tenantId);

/** An action of an operator that succeeded, as the audit log keeps it. */
export const allowed = (
  { who }: Operator,
  at: Date,
  action: Pick<AuditRecord, "scope" | "action" | "subject" | "detail" | "traceId">,
): OwnRecord => ({ at, actor: who, decision: "allowed", code: "OK", durationMs: 0, ...action });
