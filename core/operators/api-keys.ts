import { randomUUID, timingSafeEqual } from "node:crypto";
import type { AuditLog } from "../audit-log.ts";
import { PLATFORM_SCOPE, tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import {
  type ApiKeyRow,
  apiKeyById,
  apiKeysOf,
  apiKeyToVerify,
  insertApiKey,
  revokeApiKey,
} from "./api-key-rows.ts";
import { hashApiKey, makeApiKey, parseApiKey } from "./api-key-text.ts";
import { allowed, homeOf, type Operator, readingAs } from "./operator.ts";
import { isPermission, type Permission, permits } from "./permissions.ts";

/** What is known of an API key; never the key itself. */
export interface ApiKey {
  /** Its public part. */
  readonly id: string;
  /** The tenant that it is confined to; absent = an operator's key, for all tenants. */
  readonly tenantId?: string;
  readonly label: string;
  readonly permissions: readonly Permission[];
  readonly createdAt: Date;
  readonly expiresAt?: Date;
  readonly revokedAt?: Date;
}

export interface NewApiKey {
  /** Absent = an operator's key. */
  readonly tenantId?: string | undefined;
  readonly label: string;
  readonly permissions: readonly Permission[];
  /** Absent = never. */
  readonly expiresAt?: Date | undefined;
}

/** Who makes a key: somebody on the gateway's own machine, or the owner of another key. */
export type KeyMaker = Operator & { readonly key?: ApiKey | undefined };

/** Whether this can be a key's label: one line of 1 to 100 visible characters. */
export const isKeyLabel = (text: string): boolean =>
  /^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u.test(text) && text.trim() !== "";

export type KeyCreation =
  /** `text` is the key itself; it is not to be had again. */
  | { readonly kind: "created"; readonly key: ApiKey; readonly text: string }
  | { readonly kind: "refused"; readonly message: string };

/** The credentials for the HTTP API. What operators do with them is put on record. */
export interface ApiKeys {
  /** Refused when the new key could do more than its maker's own. */
  create(maker: KeyMaker, wanted: NewApiKey): Promise<KeyCreation>;
  /** By tenant, oldest first, revoked and expired ones included. */
  list(operator: Operator): Promise<readonly ApiKey[]>;
  /** Ends a key at once; undefined when there is none with this id, or none of this operator's. */
  revoke(operator: Operator, id: string): Promise<ApiKey | undefined>;
  /** The key that this text is, if it is one that still counts; no word about why not. */
  verify(text: string): Promise<ApiKey | undefined>;
}

export interface ApiKeysParts {
  readonly store: Store;
  readonly auditLog: AuditLog;
  readonly now: () => Date;
}

export const createApiKeys = ({ store, auditLog, now }: ApiKeysParts): ApiKeys => ({
  create: async (maker, { tenantId, label, permissions, expiresAt }) => {
    const traceId = randomUUID();
    const scope = tenantId === undefined ? PLATFORM_SCOPE : tenantScope(tenantId);
    const problem = tooMighty(maker, { tenantId, label, permissions, expiresAt });
    if (problem !== undefined) {
      await auditLog.record({
        ...allowed(maker, now(), {
          scope: homeOf(maker),
          action: "key.create",
          subject: "key",
          traceId,
          detail: { tenant: tenantId ?? "", permissions: permissions.join(" ") },
        }),
        decision: "refused",
        code: "KEY_TOO_MIGHTY",
      });
      return { kind: "refused", message: problem };
    }
    const { id, key: text } = makeApiKey(scope.tenantId);
    const row = {
      tenant_id: scope.tenantId,
      id,
      label,
      permissions: JSON.stringify(permissions),
      created_at: now().getTime(),
      expires_at: expiresAt?.getTime() ?? 0,
    };
    await store.write(scope, async (transaction) => {
      await transaction.run(insertApiKey, { ...row, hash: hashApiKey(text) });
      const detail = { permissions: permissions.join(" "), expires_at: row.expires_at };
      const action = { scope, action: "key.create", subject: id, detail, traceId } as const;
      await auditLog.recordIn(transaction, allowed(maker, now(), action));
    });
    return { kind: "created", key: describe({ ...row, revoked_at: 0 }), text };
  },

  list: async (operator) => {
    const { tenantId = "" } = operator;
    const rows = await store.read(readingAs(operator), (transaction) =>
      transaction.all(operator.tenantId === undefined ? LISTS.all : LISTS.tenant, { tenantId }),
    );
    await auditLog.record(
      allowed(operator, now(), {
        scope: PLATFORM_SCOPE,
        action: "key.list",
        subject: "keys",
        detail: { tenant: tenantId, shown: rows.length },
        traceId: randomUUID(),
      }),
    );
    return rows.map(describe);
  },

  revoke: async (operator, id) => {
    const { tenantId = "" } = operator;
    const traceId = randomUUID();
    const byId = operator.tenantId === undefined ? BY_ID.all : BY_ID.tenant;
    const row = await store.read(readingAs(operator), (transaction) =>
      transaction.first(byId, { tenantId, id }),
    );
    if (!row) {
      const action = { scope: homeOf(operator), action: "key.revoke", subject: id } as const;
      await auditLog.record({
        ...allowed(operator, now(), { ...action, traceId }),
        decision: "refused",
        code: "NOT_FOUND",
      });
      return undefined;
    }
    const scope = tenantScope(row.tenant_id);
    const revoked_at = row.revoked_at === 0 ? now().getTime() : row.revoked_at;
    await store.write(scope, async (transaction) => {
      const key = { tenantId: row.tenant_id, id, now: revoked_at };
      await transaction.run(revokeApiKey, key);
      const action = { scope, action: "key.revoke", subject: id, traceId } as const;
      await auditLog.recordIn(transaction, allowed(operator, now(), action));
    });
    return describe({ ...row, revoked_at });
  },

  verify: async (text) => {
    const parsed = parseApiKey(text);
    if (!parsed) return undefined;
    const row = await store.read(tenantScope(parsed.tenantId), (transaction) =>
      transaction.first(apiKeyToVerify, parsed),
    );
    // Compared also when there is no such id, so that both take the same time.
    const isIt = timingSafeEqual(hashApiKey(text), row?.hash ?? NO_HASH);
    if (!row || !isIt) return undefined;
    const isOver = row.expires_at !== 0 && row.expires_at <= now().getTime();
    return isOver || row.revoked_at !== 0 ? undefined : describe(row);
  },
});

const LISTS = { tenant: apiKeysOf("tenant"), all: apiKeysOf("all") };
const BY_ID = { tenant: apiKeyById("tenant"), all: apiKeyById("all") };
const NO_HASH = Buffer.alloc(32);

/** Why the owner of a key must not make this one; whoever has no key sits at the machine. */
const tooMighty = (maker: KeyMaker, wanted: NewApiKey): string | undefined => {
  // An operator's key is for all tenants, so nobody confined makes one, be it to `_platform`.
  if (maker.tenantId !== undefined && wanted.tenantId !== maker.tenantId) {
    return `this key is for tenant ${maker.tenantId} only: it can create keys for no other`;
  }
  if (!maker.key) return undefined;
  const { permissions, expiresAt } = maker.key;
  const more = wanted.permissions.filter((permission) => !permits(permissions, permission));
  if (more.length > 0) return `this key has no permission ${more.join(", ")} itself to pass on`;
  if (expiresAt && !(wanted.expiresAt && wanted.expiresAt <= expiresAt)) {
    return `this key expires at ${expiresAt.toISOString()}: what it creates must not last longer`;
  }
  return undefined;
};

const describe = (row: ApiKeyRow): ApiKey => ({
  id: row.id,
  ...(row.tenant_id !== PLATFORM_SCOPE.tenantId && { tenantId: row.tenant_id }),
  label: row.label,
  permissions: permissionsIn(row.permissions),
  createdAt: new Date(row.created_at),
  ...(row.expires_at !== 0 && { expiresAt: new Date(row.expires_at) }),
  ...(row.revoked_at !== 0 && { revokedAt: new Date(row.revoked_at) }),
});

/** A permission that this version does not know allows nothing. */
const permissionsIn = (json: string): readonly Permission[] =>
  (JSON.parse(json) as readonly string[]).filter(isPermission);
