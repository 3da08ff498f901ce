import type { KeyObject } from "node:crypto";
import type { Log } from "../contract/log.ts";
import type { ContentCipher, TenantCipher } from "../store/content-cipher.ts";
import { PLATFORM_SCOPE, type TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { createDataKeys, type DataKey } from "./data-keys.ts";
import { keyVersionOf, openEnvelope } from "./envelope.ts";
import { SealError } from "./errors.ts";
import { isDue, renewalOf } from "./key-lifetime.ts";
import type { KeyManagement } from "./key-management.ts";
import { contextsOf, createTenantCipher, type Sealing } from "./tenant-cipher.ts";

const RETRY_MS = 10 * 60_000;

export interface ContentCipherParts {
  readonly store: Store;
  readonly keys: KeyManagement;
  readonly now: () => Date;
  readonly log: Pick<Log, "error">;
}

/** What is remembered of a tenant: enough to work without store and master key. */
interface TenantKeys {
  /** By version. */
  readonly opening: Map<number, KeyObject>;
  inUse?: InUse;
}

interface InUse {
  readonly sealing: Sealing;
  readonly fingerprinting: KeyObject;
  readonly cipher: TenantCipher;
}

/**
 * Encrypts under a data key per tenant, made at its first use and kept in memory unwrapped.
 * Throws KeyError at once when the keys of this store do not unwrap: none is made over a lost one.
 */
export const createContentCipher = async (parts: ContentCipherParts): Promise<ContentCipher> => {
  const { keys, now, log } = parts;
  const dataKeys = createDataKeys(parts);
  const tenants = new Map<string, TenantKeys>();
  const underWay = new Map<string, Promise<TenantCipher>>();

  const keysOf = ({ tenantId }: TenantScope): TenantKeys => {
    const known = tenants.get(tenantId);
    if (known) return known;
    const fresh: TenantKeys = { opening: new Map() };
    tenants.set(tenantId, fresh);
    return fresh;
  };

  const use = (scope: TenantScope, sealing: Sealing, fingerprinting: KeyObject): InUse => {
    const cipher = createTenantCipher(scope, sealing, fingerprinting);
    const inUse = { sealing, fingerprinting, cipher };
    keysOf(scope).inUse = inUse;
    return inUse;
  };

  const sealWith = (scope: TenantScope, newest: DataKey, fingerprinting: KeyObject): InUse => {
    const { version, sealing: key, createdAt } = newest;
    keysOf(scope).opening.set(version, key);
    return use(scope, { version, key, renewAt: renewalOf(createdAt), seals: 0 }, fingerprinting);
  };

  const begin = async (scope: TenantScope): Promise<InUse> => {
    const newest = (await dataKeys.newest(scope)) ?? (await dataKeys.make(scope, 1));
    // Always the first: what was hashed before a renewal must be found after it.
    const first =
      newest.version === 1
        ? newest
        : ((await dataKeys.find(scope, 1)) ?? (await dataKeys.make(scope, 1)));
    return sealWith(scope, newest, first.fingerprinting);
  };

  const renew = async (scope: TenantScope, used: InUse): Promise<InUse> => {
    const { sealing, fingerprinting } = used;
    try {
      // Another process may have been first.
      const newest = await dataKeys.newest(scope);
      const isNewer = newest !== undefined && newest.version > sealing.version;
      const next = isNewer ? newest : await dataKeys.make(scope, sealing.version + 1);
      return sealWith(scope, next, fingerprinting);
    } catch (cause) {
      // The key in use is far from what it can take, so this is no reason to refuse messages.
      log.error(
        { err: cause, tenantId: scope.tenantId },
        "data key not renewed; trying again later",
      );
      const renewAt = now().getTime() + RETRY_MS;
      return use(scope, { ...sealing, seals: 0, renewAt }, fingerprinting);
    }
  };

  const prepare = async (scope: TenantScope): Promise<TenantCipher> => {
    const known = keysOf(scope).inUse ?? (await begin(scope));
    const inUse = isDue(known.sealing, now()) ? await renew(scope, known) : known;
    return inUse.cipher;
  };

  /** What many callers wait for at the same time is done once. */
  const prepareOnce = (scope: TenantScope): Promise<TenantCipher> => {
    const { tenantId } = scope;
    const running = underWay.get(tenantId);
    if (running) return running;
    const started = prepare(scope).finally(() => underWay.delete(tenantId));
    underWay.set(tenantId, started);
    return started;
  };

  const loadOpening = async (scope: TenantScope, version: number) => {
    const key = await dataKeys.find(scope, version);
    if (key) keysOf(scope).opening.set(version, key.sealing);
    return key?.sealing;
  };

  // The platform's key is the first of every store, so it tells whether master keys are in use.
  if (!(await dataKeys.newest(PLATFORM_SCOPE))) await keys.initialize();
  await prepareOnce(PLATFORM_SCOPE);

  return {
    of: (scope) => {
      const { inUse } = keysOf(scope);
      return inUse && !isDue(inUse.sealing, now()) ? inUse.cipher : prepareOnce(scope);
    },
    open: async (scope, place, sealed) => {
      const { tenantId } = scope;
      const version = keyVersionOf(sealed);
      if (version === undefined) throw new SealError(tenantId, place, "it is no envelope");
      const key = keysOf(scope).opening.get(version) ?? (await loadOpening(scope, version));
      if (!key) throw new SealError(tenantId, place, `the tenant has no data key ${version}`);
      const plain = openEnvelope(key, version, contextsOf(scope)(place), sealed);
      if (!plain) throw new SealError(tenantId, place, "it was changed, or belongs elsewhere");
      return plain;
    },
  };
};
