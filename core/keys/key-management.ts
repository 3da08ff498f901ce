/**
 * Keeps the master keys and lends them out for one thing only: to wrap the tenants' data keys.
 * A master key itself never leaves it. Every method throws KeyError when it cannot do its part.
 */
export interface KeyManagement {
  /** What keeps the keys, for messages to operators, e.g. `key file /srv/data/master.key`. */
  readonly description: string;
  /** Makes the first master key if there is none. Only right while nothing is wrapped yet. */
  initialize(): Promise<void>;
  /** Id of the master key that wraps now. */
  currentId(): Promise<string>;
  /** Makes another master key the current one; the older ones still unwrap. Returns its id. */
  rotate(): Promise<string>;
  /** Encrypts a data key under the current master key. */
  wrap(context: KeyContext, key: Uint8Array): Promise<WrappedKey>;
  /** Gives back what was wrapped, if it was wrapped for this very context. */
  unwrap(context: KeyContext, wrapped: WrappedKey): Promise<Buffer>;
}

/** Whose key it is. Authenticated: a wrapped key that was moved to another tenant does not unwrap. */
export interface KeyContext {
  readonly tenantId: string;
  /** 1 for the tenant's first. */
  readonly version: number;
}

/** An encrypted data key. */
export interface WrappedKey {
  /** Opaque to everyone but the KeyManagement that made it. */
  readonly wrapped: Uint8Array;
  readonly masterId: string;
}
