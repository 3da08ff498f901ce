import type { TenantCipher } from "../store/content-cipher.ts";

/** Of what is stored of a token. */
export const TOKEN_BYTES = 8;

/** What is stored of a token: says nothing without the tenant's key, and with another one's. */
export const tokenHash = (own: TenantCipher, token: string): Buffer =>
  own.fingerprint(`memory token ${token}`).subarray(0, TOKEN_BYTES);
