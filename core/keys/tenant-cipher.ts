import { createHmac, type KeyObject } from "node:crypto";
import type { TenantCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import { sealEnvelope } from "./envelope.ts";
import type { KeyUse } from "./key-lifetime.ts";
import { rememberForAMinute } from "./remember-for-a-minute.ts";

/** The data key that seals now. */
export interface Sealing extends KeyUse {
  readonly version: number;
  readonly key: KeyObject;
  seals: number;
}

const FINGERPRINT_BYTES = 16;

/** Encrypts and hashes with these keys of a tenant, and counts what it seals. */
export const createTenantCipher = (
  scope: TenantScope,
  sealing: Sealing,
  fingerprinting: KeyObject,
): TenantCipher => {
  const fingerprint = (text: string): Buffer =>
    createHmac("sha256", fingerprinting).update(text).digest().subarray(0, FINGERPRINT_BYTES);
  const contextOf = contextsOf(scope);
  return {
    scope,
    seal: (place, plain) => {
      sealing.seals += 1;
      return sealEnvelope(sealing.key, sealing.version, contextOf(place), plain);
    },
    fingerprint,
    tag: rememberForAMinute(fingerprint),
  };
};

/** What is authenticated with a tenant's values: tenant and place as JSON, so that no two pairs read the same. */
export const contextsOf = ({ tenantId }: TenantScope): ((place: string) => string) => {
  const tenant = JSON.stringify(tenantId);
  return (place) => `[${tenant},${JSON.stringify(place)}]`;
};
