import type { TenantScope } from "./scope.ts";
import type { Answer } from "./store.ts";

/**
 * Encrypts what people wrote before it reaches a table: AES-256-GCM under the tenant's own data key.
 * Tenant and place are authenticated, so a value that was moved to another row, column or tenant
 * does not open.
 */
export interface ContentCipher {
  /**
   * A tenant's keys, to be used at once and never kept: they are renewed, which is done here. There at
   * once but where a key is not in memory. Not to be called inside a transaction: the first
   * use of a tenant has its own. Throws KeyError when there is no key to be had.
   */
  of(scope: TenantScope): Answer<TenantCipher>;
  /** Throws SealError when it is not what `seal` made for this tenant and place. */
  open(scope: TenantScope, place: string, sealed: Uint8Array): Promise<Buffer>;
}

/** Encrypts and hashes under the keys of one tenant. */
export interface TenantCipher {
  readonly scope: TenantScope;
  /**
   * @param place the identity of row and column, e.g. `outbox/12/0/body`
   * @param plain bytes, or text, which is sealed as UTF-8
   */
  seal(place: string, plain: Uint8Array | string): Buffer;
  /** A keyed hash, 16 bytes: the same for the same text of the same tenant, meaningless without the key. */
  fingerprint(text: string): Buffer;
  /** The same for what names somebody, which comes again and again: remembered for a minute, so not to be written into. */
  tag(text: string): Buffer;
}
