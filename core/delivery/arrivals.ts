import { trace } from "../contract/trace-points.ts";
import { tenantScope } from "../store/scope.ts";
import type { Store, Transaction } from "../store/store.ts";
import { manyIds } from "./many-ids.ts";
import { markDelivered, markManyDelivered } from "./outbox-rows.ts";
import { finishMessage, finishMessages } from "./reply-end-rows.ts";
import type { Lane } from "./schedule.ts";

/** Names a part, as its row does. */
export interface PartName {
  readonly tenant_id: string;
  readonly inbox_id: number;
  readonly part: number;
}

/** Deterministic, for adapters; message ids are unique over all tenants. */
export const partId = (row: PartName): string => `${row.inbox_id}.${row.part}`;

/** Parts that arrived and whose rows may not say so yet: never to be sent, and in nobody's way. */
export interface Arrivals {
  has(part: PartName): boolean;
  /**
   * Writes down that a part arrived, and why it is taken for that where nobody said so. Rejects when
   * it cannot be written; it stays known here.
   */
  record(part: PartName, reason: string | null): Promise<void>;
  /** The same for the only part of a reply, together with those that arrive soon after it. */
  recordSoon(inboxId: number, lane: Lane): Promise<void>;
  /** Writes down what is known of a lane in a transaction of its tenant, which is to see it. */
  recordLane(transaction: Transaction, lane: Lane): Promise<void>;
  /** Waits for no others; resolves when what was to be written soon is written, or could not be. */
  flush(): Promise<void>;
}

/**
 * @param collectMs least time between two writes; what comes first after it is written at the end of
 * this turn of the event loop, so that little is unsure after a crash while little comes
 */
export const createArrivals = (store: Store, collectMs: number): Arrivals => {
  // By id; with the id of the lane those that are written soon.
  const known = new Map<string, { readonly part: PartName; readonly lane?: string }>();
  let soon: PartName[] = [];
  let soonWritten: Promise<void> | undefined;
  let writeSoon = (): void => {};
  let nextAt = 0; // by `performance.now()`
  let written: Promise<unknown> = Promise.resolve();

  const recordIn = async (transaction: Transaction, part: PartName, reason: string | null) => {
    const { tenant_id: tenantId, inbox_id: inboxId } = part;
    await transaction.execute(markDelivered, { tenantId, inboxId, part: part.part, reason });
    await transaction.execute(finishMessage, { tenantId, id: inboxId });
  };

  const forget = (part: PartName): void => {
    known.delete(partId(part));
    trace("delivered", undefined, part.inbox_id);
  };

  /** Those of one tenant: each has its own wall. */
  const recordMany = async (tenantId: string, parts: readonly PartName[]): Promise<void> => {
    await store.note(tenantScope(tenantId), async (transaction) => {
      const ids = parts.map((part) => part.inbox_id);
      for (const many of manyIds({ tenantId }, ids)) {
        await transaction.execute(markManyDelivered, many);
        await transaction.execute(finishMessages, many);
      }
    });
    parts.forEach(forget);
  };

  /** What comes until then is written with it. */
  const collect = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      const waitMs = nextAt - performance.now();
      const timer = waitMs > 0 ? setTimeout(resolve, waitMs) : undefined;
      if (timer === undefined) setImmediate(resolve);
      writeSoon = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    nextAt = performance.now() + collectMs;
    const parts = soon;
    soon = [];
    soonWritten = undefined;
    const byTenant = new Map<string, PartName[]>();
    for (const part of parts) {
      const others = byTenant.get(part.tenant_id);
      if (others) others.push(part);
      else byTenant.set(part.tenant_id, [part]);
    }
    await Promise.all([...byTenant].map((entry) => recordMany(...entry)));
  };

  return {
    has: (part) => known.has(partId(part)),

    record: async (part, reason) => {
      if (!known.has(partId(part))) known.set(partId(part), { part });
      await store.note(tenantScope(part.tenant_id), (transaction) =>
        recordIn(transaction, part, reason),
      );
      forget(part);
    },

    recordSoon: (inboxId, lane) => {
      const part = { tenant_id: lane.tenantId, inbox_id: inboxId, part: 0 };
      known.set(partId(part), { part, lane: lane.id });
      soon.push(part);
      if (!soonWritten) {
        soonWritten = collect();
        // Whoever handed them in is told. Those before may not be written yet: stores write side by side.
        // With nothing: what all settle with holds what those before settled with, and so on without end.
        written = Promise.allSettled([written, soonWritten]).then(() => undefined);
      }
      return soonWritten;
    },

    recordLane: async (transaction, { id, tenantId }) => {
      for (const { part, lane } of known.values()) {
        if (lane === id && part.tenant_id === tenantId) await recordIn(transaction, part, null);
      }
    },

    flush: async () => {
      writeSoon();
      await written;
    },
  };
};
