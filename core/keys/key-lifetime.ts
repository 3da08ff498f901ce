// Under one key at most 2^32 values may be sealed with random nonces (NIST SP 800-38D, 8.3). A key
// serves 30 days, which would take 1,600 values of one tenant in every second, and 2^28 values per
// process, which leaves room for 16 processes that are busier than that.
// https://csrc.nist.gov/pubs/sp/800/38/d/final
const MAX_AGE_MS = 30 * 24 * 3_600_000;
const MAX_SEALS = 2 ** 28;

/** How far a data key is used up. */
export interface KeyUse {
  /** When it is old, epoch milliseconds. */
  readonly renewAt: number;
  /** Values that this process has sealed with it. */
  readonly seals: number;
}

/** When a key that was made then is old. */
export const renewalOf = (createdAt: Date): number => createdAt.getTime() + MAX_AGE_MS;

/** Whether a new version of the key is to seal from now on. */
export const isDue = ({ renewAt, seals }: KeyUse, now: Date): boolean =>
  seals >= MAX_SEALS || now.getTime() >= renewAt;
