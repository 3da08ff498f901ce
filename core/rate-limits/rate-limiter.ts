/** How fast a tenant's people may write, each alone and all together. */
export interface RateLimiter {
  /** Takes a message out of the sender's share and the tenant's; rejects when the store is away. */
  take(message: LimitedMessage): RateVerdict | Promise<RateVerdict>;
}

export interface LimitedMessage {
  readonly tenantId: string;
  /** Who wrote it: one text for one person of the tenant. */
  readonly sender: string;
  readonly limits: RateLimits;
}

/** Messages within a minute. So many may come at once; after that one in each minute's part. */
export interface RateLimits {
  readonly userPerMinute: number;
  readonly tenantPerMinute: number;
}

export type RateVerdict =
  | { readonly kind: "within" }
  | {
      readonly kind: "over";
      readonly whose: "user" | "tenant";
      /** When the next message will be within. */
      readonly retryAfterMs: number;
      /** The first one over within a minute: its sender has not been told yet. */
      readonly isFirst: boolean;
    };

/** A sender who was told is not told again for so long. */
export const TELL_EVERY_MS = 60_000;

/**
 * A token bucket as one instant: when it will be full again. Each message moves it on by `stepUs`
 * and is within while that does not pass `depthUs` from now (the generic cell rate algorithm).
 * Microseconds, so that thousands a minute are no coarser than they should be.
 * @see https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
 */
export const bucketOf = (
  perMinute: number,
): { readonly stepUs: number; readonly depthUs: number } => {
  const stepUs = Math.ceil(60_000_000 / perMinute);
  return { stepUs, depthUs: stepUs * perMinute };
};
