import { z } from "zod";
import type { Tenant, TenantIndex } from "../../config/tenant.ts";
import type { Permission } from "../../core/operators/permissions.ts";
import { askedTenant, filled, type RefusalParts } from "./asked-tenant.ts";
import { checked } from "./checked.ts";
import { ApiError } from "./errors.ts";
import type { Call } from "./route.ts";

/** What a request takes that is about one tenant and nothing more. */
export const tenantQuery = z.strictObject({
  tenant: z.string().max(64).optional(),
});

/** The one tenant of the settings that a request is about. Throws ApiError. */
export const knownTenant = async (
  parts: RefusalParts & { readonly tenants: () => Pick<TenantIndex, "get"> },
  call: Call,
  permission: Permission,
): Promise<Tenant> => {
  const id = await askedTenant(parts, call, permission);
  checked("query", tenantQuery, filled(call.query));
  const tenant = parts.tenants().get(id);
  if (tenant) return tenant;
  throw new ApiError(404, "NOT_FOUND", `the settings have no tenant ${id}`);
};
