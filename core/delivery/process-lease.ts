import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Log } from "../contract/log.ts";
import { statement } from "../store/statement.ts";
import type { Store } from "../store/store.ts";

/**
 * Proof that this process lives: one row that it renews. What it works on bears its id, and whoever
 * finds a row whose process has let its lease run out may take the work over.
 */
export interface ProcessLease {
  readonly id: string;
  /** Ends the lease at once, so that nobody has to wait for it. */
  release(): Promise<void>;
}

export interface ProcessLeaseOptions {
  readonly store: Store;
  readonly now: () => Date;
  readonly log: Log;
  /** How long others wait before they take a silent process for dead. */
  readonly leaseMs?: number;
  /** Nobody else can be alive: what earlier processes held is free at once. */
  readonly isAlone: boolean;
}

const LEASE_MS = 15_000;

/** Takes the lease and keeps renewing it. Throws StoreError when it cannot be taken. */
export const takeProcessLease = async (options: ProcessLeaseOptions): Promise<ProcessLease> => {
  const { store, now, log, leaseMs = LEASE_MS, isAlone } = options;
  const id = randomUUID();
  const renew = () =>
    store.note("intake", (transaction) =>
      transaction.run(upsert, { id, until: now().getTime() + leaseMs }),
    );
  if (isAlone) await store.note("intake", (transaction) => transaction.run(removeAll, {}));
  await renew();
  const timer = setInterval(() => {
    renew().catch((cause) => log.warn({ err: cause }, "process lease not renewed; trying again"));
  }, leaseMs / 3);
  timer.unref();
  return {
    id,
    release: async () => {
      clearInterval(timer);
      await store.note("intake", (transaction) => transaction.run(remove, { id }));
    },
  };
};

/** Forgets processes that died long ago. */
export const forgetDeadProcesses = async (store: Store, before: Date): Promise<void> => {
  await store.note("intake", (transaction) =>
    transaction.run(removeBefore, { before: before.getTime() }),
  );
};

const upsert = statement<{ id: string; until: number }>()((db, arg) =>
  db
    .insertInto("processes")
    .values({ id: arg("id"), lease_until: arg("until") })
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet({ lease_until: sql`excluded.lease_until` }),
    ),
);

const remove = statement<{ id: string }>()((db, arg) =>
  db.deleteFrom("processes").where("id", "=", arg("id")),
);

const removeAll = statement<object>()((db) => db.deleteFrom("processes"));

const removeBefore = statement<{ before: number }>()((db, arg) =>
  db.deleteFrom("processes").where("lease_until", "<", arg("before")),
);
