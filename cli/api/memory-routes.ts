import { z } from "zod";
import type { TenantIndex } from "../../config/tenant.ts";
import type { AuditLog } from "../../core/audit-log.ts";
import type { Memory } from "../../core/memory/memory.ts";
import { createMemorySearch } from "../../core/operators/memory-search.ts";
import { tenantScope } from "../../core/store/scope.ts";
import { exchangeView } from "../memory-view.ts";
import { parseStoredPerson, STORED_PERSON_FORM } from "../person-name.ts";
import { askedTenant, filled } from "./asked-tenant.ts";
import { checked } from "./checked.ts";
import { ApiError } from "./errors.ts";
import type { Route } from "./route.ts";

export interface MemoryRouteParts {
  readonly memory: Pick<Memory, "search">;
  readonly auditLog: AuditLog;
  readonly tenants: () => Pick<TenantIndex, "get">;
  readonly now: () => Date;
}

/** What the routes of the memory do. */
export const memoryHandlers = (parts: MemoryRouteParts) => {
  const searchMemory = createMemorySearch(parts);

  const search: Route["handle"] = async (call) => {
    const tenant = await askedTenant(parts, call, "memory:view");
    const { q, user, limit } = checked("query", memoryQuery, filled(call.query));
    if (parts.tenants().get(tenant) === undefined) {
      throw new ApiError(404, "NOT_FOUND", "there is no tenant of that id");
    }
    const person = user === undefined ? undefined : parseStoredPerson(user);
    const query = { text: q, person, limit };
    const hits = await searchMemory(call.operator.who, tenantScope(tenant), query);
    return { status: 200, body: { tenant, results: hits.map(exchangeView) } };
  };

  return { search };
};

/** What `GET /api/memory/search` takes. */
export const memoryQuery = z.strictObject({
  q: z.string("what to look for").max(1_000, "at most 1000 characters"),
  tenant: z.string().optional(),
  user: z
    .string(STORED_PERSON_FORM)
    .refine((text) => parseStoredPerson(text) !== undefined, STORED_PERSON_FORM)
    .optional(),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, "a whole number")
    .transform(Number)
    .pipe(z.int().min(1).max(100))
    .default(20),
});
