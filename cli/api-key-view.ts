import type { ApiKey } from "../core/operators/api-keys.ts";

/** A key's record as machines read it, from the verb as over HTTP; `null` stands for nothing. */
export const apiKeyView = (key: ApiKey) => ({
  id: key.id,
  /** `null`: an operator's key, for all tenants. */
  tenant: key.tenantId ?? null,
  label: key.label,
  permissions: key.permissions,
  created_at: key.createdAt.toISOString(),
  expires_at: key.expiresAt?.toISOString() ?? null,
  revoked_at: key.revokedAt?.toISOString() ?? null,
});
