import type { TenantScope } from "./scope.ts";

/**
 * Encrypts what people wrote before it reaches a table: AES-256-GCM under the tenant's own data key.
 * Tenant and place are authenticated, so a value that was moved to another row, column or tenant
 * does not open.
 */
export interface ContentCipher {
  /** @param place the identity of row and column, e.g. `outbox/12/0/body` */
  seal(scope: TenantScope, place: string, plain: Uint8Array): Promise<Buffer>;
  /** Throws SealError when it is not what `seal` made for this tenant and place. */
  open(scope: TenantScope, place: string, sealed: Uint8Array): Promise<Buffer>;
  /** A keyed hash, 16 bytes: the same for the same text of the same tenant, meaningless without the key. */
  fingerprint(scope: TenantScope, text: string): Promise<Buffer>;
}
