import type { RedisLink } from "./redis-link.ts";

/** Tenants whose work waits too long, as the workers tell the gateways through Redis. */
export interface SharedFullness {
  /** As of a second ago; unknown tenants and an unreachable Redis mean no. */
  isFull(tenantId: string): boolean;
  /** Tells the others, for the next seconds, that this tenant is full. */
  tell(tenantId: string): Promise<void>;
  close(): void;
}

export interface SharedFullnessOptions {
  readonly link: RedisLink;
  /** Start of its keys in Redis. */
  readonly prefix: string;
  /** The tenants that are full in this process. */
  readonly fullHere: () => Iterable<string>;
  /** How many jobs wait in Redis that nobody has taken. */
  readonly waiting: () => Promise<number>;
}

const EVERY_MS = 1_000;
const LASTS_MS = 3 * EVERY_MS;
// Workers take jobs as fast as Redis hands them out; so many are left only where no worker runs.
const MANY_WAITING = 1_000;

export const createSharedFullness = (options: SharedFullnessOptions): SharedFullness => {
  const { link, prefix, fullHere, waiting } = options;
  // Of the tenants that were asked about lately.
  let known = new Map<string, boolean>();
  const asked = new Set<string>();
  let isEverybodyFull = false;
  const keyOf = (tenantId: string) => `${prefix}:full:${tenantId}`;

  const tell = async (tenantId: string): Promise<void> => {
    await link.client.set(keyOf(tenantId), "1", "PX", LASTS_MS);
  };

  const refresh = async (): Promise<void> => {
    const tenants = [...asked];
    asked.clear();
    if (!link.isUp) {
      known = new Map();
      isEverybodyFull = false;
      return;
    }
    for (const tenantId of fullHere()) await tell(tenantId);
    const found = tenants.length > 0 ? await link.client.mget(tenants.map(keyOf)) : [];
    known = new Map(tenants.map((tenantId, at) => [tenantId, found[at] != null]));
    isEverybodyFull = (await waiting()) > MANY_WAITING;
  };

  const timer = setInterval(() => {
    refresh().catch(link.failed);
  }, EVERY_MS);

  return {
    isFull: (tenantId) => {
      asked.add(tenantId);
      return isEverybodyFull || (known.get(tenantId) ?? false);
    },
    tell,
    close: () => clearInterval(timer),
  };
};
