/**
 * What a channel has to remember across processes and restarts: tokens, stream contents, message
 * ids to edit, installations. One space per channel; values are encrypted at rest, keys are not.
 * A key is what is erased by: what is kept of a person lies under a `personKey`, and a key of words of
 * an answer has the part's id or a `stateName` in it.
 */
export interface ChannelState {
  get(key: string): Promise<Remembered | undefined>;
  /** Replaces what was there. Forgotten `ttlMs` from now. */
  put(key: string, value: string, ttlMs: number): Promise<void>;
  /** False, and nothing is changed, when something is remembered already. */
  putIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean>;
  /** False, and nothing is changed, unless `version` is still the one that is remembered. */
  replace(key: string, version: number, value: string, ttlMs: number): Promise<boolean>;
  forget(key: string): Promise<void>;
  /** All keys that start so, in order. */
  keys(prefix: string): Promise<readonly string[]>;
}

export interface Remembered {
  readonly value: string;
  /** Changes with every change of the value. */
  readonly version: number;
}

/** Lets one process at a time own a link that a platform grants only once. */
export interface Leases {
  /**
   * Tries to become the owner of `name`; undefined while another process is. It is renewed until it
   * is released. `lost` aborts when it could not be renewed in time: the link must be closed at once
   * then, because another process may take it over. Rejects when the store is away.
   */
  acquire(name: string): Promise<Lease | undefined>;
}

export interface Lease {
  readonly lost: AbortSignal;
  release(): Promise<void>;
}
