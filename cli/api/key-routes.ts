import { z } from "zod";
import type { TenantIndex } from "../../config/tenant.ts";
import { type ApiKeys, isKeyLabel } from "../../core/operators/api-keys.ts";
import { isPermission, PERMISSIONS, type Permission } from "../../core/operators/permissions.ts";
import { apiKeyView } from "../api-key-view.ts";
import { parseTimeSpan } from "../time-span.ts";
import { checked } from "./checked.ts";
import { ApiError } from "./errors.ts";
import type { Route } from "./route.ts";

export interface KeyRouteParts {
  readonly keys: ApiKeys;
  readonly tenants: () => Pick<TenantIndex, "get">;
  readonly now: () => Date;
}

/** What the routes of API keys do; as the verbs of `clawgate key`. */
export const keyHandlers = ({ keys, tenants, now }: KeyRouteParts) => {
  const list: Route["handle"] = async ({ operator }) => ({
    status: 200,
    body: { keys: (await keys.list(operator)).map(apiKeyView) },
  });

  const create: Route["handle"] = async ({ key, operator, body }) => {
    const wanted = checked("body", keyBody, body);
    const tenantId = wanted.tenant ?? operator.tenantId;
    const isOperators = tenantId === undefined || tenantId === "_platform";
    // Only whose key is for all tenants is told which there are.
    if (!isOperators && key.tenantId === undefined && !tenants().get(tenantId)) {
      throw new ApiError(400, "BAD_REQUEST", `body: tenant: the settings have no ${tenantId}`);
    }
    const { expires_in } = wanted;
    const made = await keys.create(
      { ...operator, key },
      {
        tenantId: isOperators ? undefined : tenantId,
        label: wanted.label,
        permissions: wanted.permissions,
        expiresAt: expires_in === undefined ? undefined : new Date(now().getTime() + expires_in),
      },
    );
    if (made.kind === "refused") throw new ApiError(403, "KEY_TOO_MIGHTY", made.message);
    return { status: 201, body: { ...apiKeyView(made.key), key: made.text } };
  };

  const revoke: Route["handle"] = async ({ operator, params }) => {
    const { id } = checked("path", idSchema, params);
    const key = await keys.revoke(operator, id);
    if (!key) throw new ApiError(404, "NOT_FOUND", `there is no key ${id}`);
    return { status: 200, body: { key: apiKeyView(key) } };
  };

  return { list, create, revoke };
};

const idSchema = z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/, "16 hex digits") });

const permission = z.string().refine((name): name is Permission => isPermission(name), {
  error: `no such permission; there are ${Object.keys(PERMISSIONS).join(", ")}`,
});

/** What `POST /api/keys` takes. */
export const keyBody = z.strictObject({
  /** Absent = as wide as whoever asks. */
  tenant: z.string().max(64).optional(),
  label: z.string().refine(isKeyLabel, "one line of 1 to 100 visible characters"),
  permissions: z.array(permission).min(1).max(Object.keys(PERMISSIONS).length),
  expires_in: z
    .string()
    .transform((text, context) => {
      const ms = parseTimeSpan(text);
      if (ms !== undefined) return ms;
      context.addIssue("a number of days, hours or minutes, e.g. 90d");
      return z.NEVER;
    })
    .optional(),
});
