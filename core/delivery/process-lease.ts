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
  /** Platforms reach this process. Default true. */
  readonly isGateway?: boolean;
}

const LEASE_MS = 15_000;

/** Takes the lease and keeps renewing it. Throws StoreError when it cannot be taken. */
export const takeProcessLease = async (options: ProcessLeaseOptions): Promise<ProcessLease> => {
  const { store, now, log, leaseMs = LEASE_MS, isAlone, isGateway = true } = options;
  const id = randomUUID();
  const since = isGateway ? now().getTime() : 0;
  const renew = () => {
    const renewedAt = now().getTime();
    return store.note("intake", (transaction) =>
      transaction.run(upsert, { id, since, renewedAt, until: renewedAt + leaseMs }),
    );
  };
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

/** Whether a process lives just now that platforms reach, on this machine or another one. */
export const isGatewayAlive = async (store: Store, now: Date): Promise<boolean> => {
  const found = await store.read("intake", (transaction) =>
    transaction.first(livingGateway, { now: now.getTime() }),
  );
  return found !== undefined;
};

const livingGateway = statement<{ now: number }>()((db, arg) =>
  db
    .selectFrom("processes")
    .select("id")
    .where("gateway_since", ">", sql.lit(0))
    .where("lease_until", ">", arg("now"))
    .limit(1),
);

const upsert = statement<{ id: string; since: number; renewedAt: number; until: number }>()(
  (db, arg) =>
    db
      .insertInto("processes")
      .values({
        id: arg("id"),
        gateway_since: arg("since"),
        renewed_at: arg("renewedAt"),
        lease_until: arg("until"),
      })
      .onConflict((conflict) =>
        conflict.column("id").doUpdateSet({
          renewed_at: sql`excluded.renewed_at`,
          lease_until: sql`excluded.lease_until`,
        }),
      ),
);

/** A process that platforms could reach at this time, and that lived on afterwards. */
export const gatewayAt = statement<{ at: number }>()((db, arg) =>
  db
    .selectFrom("processes")
    .select("id")
    .where("gateway_since", ">", sql.lit(0))
    .where("gateway_since", "<=", arg("at"))
    .where("renewed_at", ">=", arg("at"))
    .limit(1),
);

const remove = statement<{ id: string }>()((db, arg) =>
  db.deleteFrom("processes").where("id", "=", arg("id")),
);

const removeAll = statement<object>()((db) => db.deleteFrom("processes"));

const removeBefore = statement<{ before: number }>()((db, arg) =>
  db.deleteFrom("processes").where("lease_until", "<", arg("before")),
);
