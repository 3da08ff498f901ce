import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Settings } from "../../config/schema.ts";
import type { TenantIndex } from "../../config/tenant.ts";
import { hasLog } from "../../core/audit/has-log.ts";
import type { AuditLog, AuditRecord } from "../../core/audit-log.ts";
import type { Rejection } from "../../core/contract/channel.ts";
import type { ApiKey, ApiKeys } from "../../core/operators/api-keys.ts";
import { homeOf, type Operator } from "../../core/operators/operator.ts";
import type { KeyNeed } from "../../core/operators/permission-table.ts";
import { permits } from "../../core/operators/permissions.ts";
import { PLATFORM_SCOPE, tenantScope } from "../../core/store/scope.ts";
import type { Store } from "../../core/store/store.ts";
import { createClientAddress } from "./client-address.ts";
import { ApiError } from "./errors.ts";
import { createFailedAttempts } from "./failed-attempts.ts";
import { createSiteCheck } from "./site.ts";

export interface GuardParts {
  readonly server: Settings["server"];
  readonly store: Pick<Store, "read">;
  readonly tenants: () => Pick<TenantIndex, "get">;
  readonly keys: Pick<ApiKeys, "verify">;
  readonly auditLog: AuditLog;
  /** Puts attempts without a key that counts on record, a flood of them as a count. */
  readonly onRejected: (rejection: Rejection) => void;
  readonly now: () => Date;
}

/** Whom a request was let in as. */
export interface Admission {
  readonly key: ApiKey;
  readonly operator: Operator;
}

/** Lets a request in whose key has what the route needs, or throws ApiError. */
export type Guard = (request: IncomingMessage, needed: KeyNeed) => Promise<Admission>;

const TENANT_ID = /^(_platform|[a-z0-9][a-z0-9_-]{0,62})$/;

/** Judges who asks, before anything is read of what they ask. */
export const createGuard = (parts: GuardParts): Guard => {
  const { server, store, tenants, keys, auditLog, onRejected, now } = parts;
  const checkSite = createSiteCheck(server);
  const addressOf = createClientAddress(server.trusted_proxies);
  const attempts = createFailedAttempts(now);

  const mayTry = (address: string): void => {
    const waitMs = attempts.waitMs(address);
    if (waitMs === 0) return;
    const seconds = Math.ceil(waitMs / 1000);
    throw new ApiError(
      429,
      "TOO_MANY_ATTEMPTS",
      `too many attempts with keys that do not count; try again in ${seconds} s`,
      { "Retry-After": String(seconds) },
    );
  };

  const verified = async (request: IncomingMessage): Promise<ApiKey> => {
    const address = addressOf(request);
    mayTry(address);
    const text = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    const key = text === undefined ? undefined : await keys.verify(text);
    // Who sends no key guesses none; counting them would let any web page lock its reader out.
    if (text !== undefined) {
      if (!key) attempts.add(address);
      // Also of a key that counts: many guesses at once must not be more tries than one by one.
      mayTry(address);
    }
    if (key) return key;
    throw new ApiError(
      401,
      "UNAUTHORIZED",
      "send `Authorization: Bearer <key>` with a key that counts; `clawgate key create` makes one",
      { "WWW-Authenticate": "Bearer" },
    );
  };

  /** A name that was mistyped must neither look like a tenant of which nothing is stored, nor get a log. */
  const mustExist = async ({ tenantId }: Operator): Promise<void> => {
    if (tenantId === undefined || tenantId === PLATFORM_SCOPE.tenantId) return;
    if (tenants().get(tenantId) || (await hasLog(store, tenantScope(tenantId)))) return;
    throw new ApiError(
      404,
      "NOT_FOUND",
      `X-Tenant-ID: there is no tenant ${tenantId}, and never was`,
    );
  };

  return async (request, needed) => {
    let key: ApiKey;
    try {
      checkSite(request);
      key = await verified(request);
    } catch (cause) {
      if (cause instanceof ApiError) {
        onRejected({ channel: "", reason: cause.code, status: cause.status });
      }
      throw cause;
    }
    try {
      const operator = admit(key, request.headers["x-tenant-id"], needed);
      // Whose key it is was there when it was made.
      if (key.tenantId === undefined) await mustExist(operator);
      return { key, operator };
    } catch (cause) {
      if (cause instanceof ApiError) {
        const asked = tenantIn(request);
        await auditLog.record(denied({ key, needed, asked }, cause, now()));
      }
      throw cause;
    }
  };
};

/** Who the owner of a key is for this request: `X-Tenant-ID` may make them less, never more. */
const admit = (
  key: ApiKey,
  narrowedTo: string | readonly string[] | undefined,
  needed: KeyNeed,
): Operator => {
  if (needed !== "any key" && !permits(key.permissions, needed)) {
    throw new ApiError(
      403,
      "FORBIDDEN",
      `this key has no permission ${needed}: ask for a key that has it`,
    );
  }
  if (narrowedTo === undefined) return { who: key.id, tenantId: key.tenantId };
  // Before its form: who looks for a spelling that passes is refused, and on record, like who asks plainly.
  if (key.tenantId !== undefined && key.tenantId !== narrowedTo) {
    throw new ApiError(
      403,
      "FORBIDDEN",
      `this key is for tenant ${key.tenantId} only: leave X-Tenant-ID out, or name that tenant`,
    );
  }
  if (typeof narrowedTo !== "string" || !TENANT_ID.test(narrowedTo)) {
    throw new ApiError(400, "BAD_REQUEST", "X-Tenant-ID is not one tenant id");
  }
  return { who: key.id, tenantId: narrowedTo };
};

/** Whom a request names; undefined where that cannot be a tenant's id. */
const tenantIn = ({ headers }: IncomingMessage): string | undefined => {
  const named = headers["x-tenant-id"];
  return typeof named === "string" && TENANT_ID.test(named) ? named : undefined;
};

interface Denied {
  readonly key: ApiKey;
  readonly needed: KeyNeed;
  readonly asked: string | undefined;
}

const denied = ({ key, needed, asked }: Denied, error: ApiError, at: Date): AuditRecord => ({
  at,
  traceId: randomUUID(),
  scope: homeOf({ who: key.id, tenantId: key.tenantId }),
  actor: key.id,
  action: "api",
  subject: needed,
  decision: "refused",
  code: error.code,
  durationMs: 0,
  ...(asked !== undefined && { detail: { tenant: asked } }),
});
