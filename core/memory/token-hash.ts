import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";

const BYTES = 8;

/** What is stored of a token: says nothing without the tenant's key, and with another one's. */
export const tokenHash = async (
  cipher: ContentCipher,
  scope: TenantScope,
  token: string,
): Promise<Buffer> => (await cipher.fingerprint(scope, `memory token ${token}`)).subarray(0, BYTES);
