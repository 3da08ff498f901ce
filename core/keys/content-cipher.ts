import { createHmac, type KeyObject } from "node:crypto";
import type { Log } from "../contract/log.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { PLATFORM_SCOPE, type TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { createDataKeys, type DataKey } from "./data-keys.ts";
import { keyVersionOf, openEnvelope, sealEnvelope } from "./envelope.ts";
import { SealError } from "./errors.ts";
import { isDue, type KeyUse, renewalOf } from "./key-lifetime.ts";
import type { KeyManagement } from "./key-management.ts";

const RETRY_MS = 10 * 60_000;
const FINGERPRINT_BYTES = 16;

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
  sealing?: Sealing;
  fingerprinting?: KeyObject;
}

interface Sealing extends KeyUse {
  readonly version: number;
  readonly key: KeyObject;
  seals: number;
}

/**
 * Encrypts under a data key per tenant, made at its first use and kept in memory unwrapped. Not to
 * be called inside a transaction: the first use of a tenant has its own.
 * Throws KeyError at once when the keys of this store do not unwrap: none is made over a lost one.
 */
export const createContentCipher = async (parts: ContentCipherParts): Promise<ContentCipher> => {
  const { keys, now, log } = parts;
  const dataKeys = createDataKeys(parts);
  const tenants = new Map<string, TenantKeys>();
  const underWay = new Map<string, Promise<Sealing>>();

  const keysOf = ({ tenantId }: TenantScope): TenantKeys => {
    const known = tenants.get(tenantId);
    if (known) return known;
    const fresh: TenantKeys = { opening: new Map() };
    tenants.set(tenantId, fresh);
    return fresh;
  };

  const sealWith = (scope: TenantScope, key: DataKey): Sealing => {
    const renewAt = renewalOf(key.createdAt);
    const sealing = { version: key.version, key: key.sealing, renewAt, seals: 0 };
    const of = keysOf(scope);
    of.opening.set(key.version, key.sealing);
    of.sealing = sealing;
    return sealing;
  };

  const renew = async (scope: TenantScope, used: Sealing): Promise<Sealing> => {
    try {
      // Another process may have been first.
      const newest = await dataKeys.newest(scope);
      const isNewer = newest !== undefined && newest.version > used.version;
      return sealWith(scope, isNewer ? newest : await dataKeys.make(scope, used.version + 1));
    } catch (cause) {
      // The key in use is far from what it can take, so this is no reason to refuse messages.
      log.error(
        { err: cause, tenantId: scope.tenantId },
        "data key not renewed; trying again later",
      );
      const again = { ...used, seals: 0, renewAt: now().getTime() + RETRY_MS };
      keysOf(scope).sealing = again;
      return again;
    }
  };

  const prepare = async (scope: TenantScope): Promise<Sealing> => {
    const sealing =
      keysOf(scope).sealing ??
      sealWith(scope, (await dataKeys.newest(scope)) ?? (await dataKeys.make(scope, 1)));
    return isDue(sealing, now()) ? renew(scope, sealing) : sealing;
  };

  /** What many callers wait for at the same time is done once. */
  const prepareOnce = (scope: TenantScope): Promise<Sealing> => {
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

  const loadFingerprinting = async (scope: TenantScope): Promise<KeyObject> => {
    // Always the first: what was hashed before a renewal must be found after it.
    const key = (await dataKeys.find(scope, 1)) ?? (await dataKeys.make(scope, 1));
    keysOf(scope).fingerprinting = key.fingerprinting;
    return key.fingerprinting;
  };

  // The platform's key is the first of every store, so it tells whether master keys are in use.
  if (!(await dataKeys.newest(PLATFORM_SCOPE))) await keys.initialize();
  await prepareOnce(PLATFORM_SCOPE);

  return {
    seal: async (scope, place, plain) => {
      const known = keysOf(scope).sealing;
      const sealing = known && !isDue(known, now()) ? known : await prepareOnce(scope);
      sealing.seals += 1;
      return sealEnvelope(sealing.key, sealing.version, contextOf(scope, place), plain);
    },
    open: async (scope, place, sealed) => {
      const { tenantId } = scope;
      const version = keyVersionOf(sealed);
      if (version === undefined) throw new SealError(tenantId, place, "it is no envelope");
      const key = keysOf(scope).opening.get(version) ?? (await loadOpening(scope, version));
      if (!key) throw new SealError(tenantId, place, `the tenant has no data key ${version}`);
      const plain = openEnvelope(key, version, contextOf(scope, place), sealed);
      if (!plain) throw new SealError(tenantId, place, "it was changed, or belongs elsewhere");
      return plain;
    },
    fingerprint: async (scope, text) => {
      const key = keysOf(scope).fingerprinting ?? (await loadFingerprinting(scope));
      return createHmac("sha256", key).update(text).digest().subarray(0, FINGERPRINT_BYTES);
    },
  };
};

// As JSON, so that no two pairs read the same.
const contextOf = ({ tenantId }: TenantScope, place: string): string =>
  JSON.stringify([tenantId, place]);
