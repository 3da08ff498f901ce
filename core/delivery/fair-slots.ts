import { createFifo, type Fifo } from "./fifo.ts";

/**
 * A bounded number of slots that tenants share: first come, first served within a tenant, tenants
 * in turns, none with more than its cap at a time. Every operation takes constant time.
 */
export interface FairSlots<Item> {
  push(tenantId: string, item: Item): void;
  /** Whether an item of this tenant that is pushed now runs at once, within the call. */
  hasFree(tenantId: string): boolean;
  /** How many of this tenant's items wait for a slot. */
  waiting(tenantId: string): number;
  /** How many items wait for a slot. */
  readonly size: number;
  /** Those that have something waiting or running. */
  tenants(): Iterable<string>;
  /** Milliseconds that the first of this tenant's waiting items has waited. */
  waitedMs(tenantId: string): number;
  /** Begins nothing more; resolves when what runs is over. Answers with what had not begun. */
  close(): Promise<readonly Item[]>;
}

export interface FairSlotsOptions<Item> {
  readonly slots: number;
  /** Slots that one tenant may have at a time. */
  readonly perTenant: number;
  /** Never rejects. */
  readonly run: (item: Item) => Promise<void>;
  readonly now: () => Date;
}

interface Share<Item> {
  readonly tenantId: string;
  readonly waiting: Fifo<{ readonly item: Item; readonly sinceMs: number }>;
  running: number;
  isInTurn: boolean;
}

export const createFairSlots = <Item>(options: FairSlotsOptions<Item>): FairSlots<Item> => {
  const { slots, perTenant, run, now } = options;
  // Of tenants that have something waiting or running, and no others.
  const shares = new Map<string, Share<Item>>();
  // Those that have something waiting and are below their cap, so that no search is needed.
  const turns = createFifo<Share<Item>>();
  let running = 0;
  let size = 0;
  let isOpen = true;
  let noneRuns = (): void => {};

  const shareOf = (tenantId: string): Share<Item> => {
    const known = shares.get(tenantId);
    if (known) return known;
    const share = { tenantId, waiting: createFifo<never>(), running: 0, isInTurn: false };
    shares.set(tenantId, share);
    return share;
  };

  const queueUp = (share: Share<Item>): void => {
    if (share.isInTurn || share.waiting.size === 0 || share.running >= perTenant) return;
    share.isInTurn = true;
    turns.push(share);
  };

  const end = (share: Share<Item>): void => {
    running--;
    share.running--;
    if (share.running === 0 && share.waiting.size === 0) shares.delete(share.tenantId);
    queueUp(share);
    fill();
    if (running === 0) noneRuns();
  };

  const fill = (): void => {
    while (isOpen && running < slots) {
      const share = turns.shift();
      const next = share?.waiting.shift();
      if (!share || !next) return;
      share.isInTurn = false;
      share.running++;
      running++;
      size--;
      queueUp(share);
      run(next.item).then(() => end(share));
    }
  };

  return {
    push: (tenantId, item) => {
      const share = shareOf(tenantId);
      share.waiting.push({ item, sinceMs: now().getTime() });
      size++;
      queueUp(share);
      fill();
    },
    // Then nothing waits that could have it: `fill` left none.
    hasFree: (tenantId) =>
      isOpen && running < slots && (shares.get(tenantId)?.running ?? 0) < perTenant,
    waiting: (tenantId) => shares.get(tenantId)?.waiting.size ?? 0,
    get size() {
      return size;
    },
    tenants: () => shares.keys(),
    waitedMs: (tenantId) => {
      const first = shares.get(tenantId)?.waiting.first;
      return first ? now().getTime() - first.sinceMs : 0;
    },
    close: async () => {
      isOpen = false;
      if (running > 0) {
        await new Promise<void>((resolve) => {
          noneRuns = resolve;
        });
      }
      const left: Item[] = [];
      for (const { waiting } of shares.values()) {
        for (let next = waiting.shift(); next; next = waiting.shift()) left.push(next.item);
      }
      return left;
    },
  };
};
