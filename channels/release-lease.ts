import type { Lease } from "../core/contract/channel-state.ts";
import type { Log } from "../core/contract/log.ts";

/** Lets another replica have the link. Never rejects: a lease that cannot be released ends by itself. */
export const releaseLease = async (lease: Lease, log: Log, about: object): Promise<void> => {
  try {
    await lease.release();
  } catch (err) {
    log.warn({ ...about, err }, "lease not released; it ends by itself");
  }
};
