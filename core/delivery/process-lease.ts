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
  /** Whether it was renewed in time: nobody can have taken this process's work over. */
  isHeld(): boolean;
  /** Another number once it had run out: what was taken before that somebody else may have taken over. */
  term(): number;
  /** Platforms reach this process from now on, or no more; resolves when others know. */
  setListening(isListening: boolean): Promise<void>;
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
// How exactly the others know until when a process listened that died.
const LISTENING_RENEWED_MS = 1_000;
// What is not renewed for as long as a platform waits for a response may have been suspended, or had
// no store to keep a message in: whether it could have taken one in meanwhile nobody knows.
const GAP_MS = 5_000;

/** Takes the lease and keeps renewing it. Throws StoreError when it cannot be taken. */
export const takeProcessLease = async (options: ProcessLeaseOptions): Promise<ProcessLease> => {
  const { store, now, log, leaseMs = LEASE_MS, isAlone } = options;
  const id = randomUUID();
  let listeningSince = 0;
  let renewedAt = 0;
  let triedAt = 0;
  // Renewals that were begun, and the last of them that was written.
  let begun = 0;
  let written = 0;
  let term = 1;
  const renew = async (): Promise<void> => {
    const at = now().getTime();
    const turn = ++begun;
    triedAt = at;
    // Either way: where the clock was set back, nothing was written down as of that time.
    if (listeningSince > 0 && Math.abs(at - renewedAt) > GAP_MS) listeningSince = at;
    await store.note("intake", (transaction) =>
      transaction.run(upsert, { id, since: listeningSince, renewedAt: at, until: at + leaseMs }),
    );
    if (renewedAt > 0 && now().getTime() - renewedAt >= leaseMs) term++;
    if (turn < written) return;
    written = turn;
    renewedAt = at;
  };
  if (isAlone) await store.note("intake", (transaction) => transaction.run(removeAll, {}));
  await renew();
  const timer = setInterval(
    () => {
      const isUnderWay = begun > written;
      // Alone, nobody reads it, and an idle gateway need not write to its disk every second.
      const isRead = listeningSince > 0 && !isAlone;
      const everyMs = isRead && !isUnderWay ? LISTENING_RENEWED_MS : leaseMs / 3;
      const sinceMs = now().getTime() - triedAt;
      // Timers are early by a millisecond at times. Negative: the clock was set back.
      if (sinceMs >= 0 && sinceMs < everyMs - 1) return;
      renew().catch((cause) => log.warn({ err: cause }, "process lease not renewed; trying again"));
    },
    Math.min(LISTENING_RENEWED_MS, leaseMs / 3),
  );
  timer.unref();
  return {
    id,
    isHeld: () => now().getTime() - renewedAt < leaseMs,
    term: () => term,
    setListening: async (isListening) => {
      listeningSince = isListening ? now().getTime() : 0;
      await renew();
    },
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
    .where("gateway_since", ">", 0)
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
          gateway_since: sql`excluded.gateway_since`,
          renewed_at: sql`excluded.renewed_at`,
          lease_until: sql`excluded.lease_until`,
        }),
      ),
);

/** A process that platforms could reach during all of this time. */
export const listenedDuring = statement<{ from: number; to: number }>()((db, arg) =>
  db
    .selectFrom("processes")
    .select("id")
    .where("gateway_since", ">", 0)
    .where("gateway_since", "<=", arg("from"))
    .where("renewed_at", ">=", arg("to"))
    .limit(1),
);

const remove = statement<{ id: string }>()((db, arg) =>
  db.deleteFrom("processes").where("id", "=", arg("id")),
);

const removeAll = statement<object>()((db) => db.deleteFrom("processes"));

const removeBefore = statement<{ before: number }>()((db, arg) =>
  db.deleteFrom("processes").where("lease_until", "<", arg("before")),
);
