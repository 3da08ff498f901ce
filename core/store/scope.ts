/** One tenant's wall: what a query may see and touch. Made by `tenantScope` only. */
export interface TenantScope {
  readonly tenantId: string;
}

/**
 * What a transaction may touch: one tenant's rows; or, as `intake`, the inbox before a message's
 * tenant is known; or, as `operator`, every tenant's rows for a listing that is put on record.
 */
export type Access = TenantScope | "intake" | "operator";

/** The scope of a tenant id that came from the settings or from a row. */
export const tenantScope = (tenantId: string): TenantScope => ({ tenantId });

/** Holds what belongs to no tenant: unknown tenants, forgeries, operators' actions. Not a legal tenant id. */
export const PLATFORM_SCOPE: TenantScope = tenantScope("_platform");
