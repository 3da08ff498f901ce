import { randomUUID } from "node:crypto";
import type { ChannelState, Leases } from "../contract/channel-state.ts";
import type { Log } from "../contract/log.ts";

export interface LeasesParts {
  readonly state: ChannelState;
  readonly log: Log;
  /** How long others wait before they take a silent owner for dead. Renewed three times in it. */
  readonly leaseMs?: number;
}

const LEASE_MS = 15_000;

/** Leases of one channel, kept in its state. */
export const createLeases = ({ state, log, leaseMs = LEASE_MS }: LeasesParts): Leases => ({
  async acquire(name) {
    const key = `lease/${name}`;
    const owner = randomUUID();
    if (!(await state.putIfAbsent(key, owner, leaseMs))) return undefined;
    const lost = new AbortController();
    let isRenewing = false;
    // Measured from before each renewal began, so that we never hold on longer than the store says.
    let renewedAt = performance.now();

    const renew = async (): Promise<void> => {
      const startedAt = performance.now();
      const held = await state.get(key);
      const isOurs =
        held?.value === owner && (await state.replace(key, held.version, owner, leaseMs));
      if (isOurs) renewedAt = startedAt;
      else lost.abort();
    };
    const tick = (): void => {
      // One more tick must fit in before others may take it.
      if (performance.now() - renewedAt > (leaseMs * 2) / 3) lost.abort();
      if (isRenewing || lost.signal.aborted) return;
      isRenewing = true;
      renew()
        .catch((err) => log.warn({ err, lease: name }, "lease not renewed; trying again"))
        .finally(() => {
          isRenewing = false;
        });
    };
    const timer = setInterval(tick, leaseMs / 6);
    timer.unref();
    lost.signal.addEventListener("abort", () => clearInterval(timer));
    return {
      lost: lost.signal,
      async release() {
        clearInterval(timer);
        const held = await state.get(key);
        if (held?.value === owner) await state.replace(key, held.version, owner, 0);
      },
    };
  },
});
