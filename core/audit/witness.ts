import type { Lease, Leases } from "../contract/channel-state.ts";
import type { Log } from "../contract/log.ts";
import type { Store } from "../store/store.ts";
import { allHeads } from "./audit-rows.ts";
import { type SignedCheckpoint, signCheckpoint } from "./checkpoint.ts";
import { appendCheckpoints } from "./checkpoint-file.ts";
import type { SigningKey } from "./signing-key.ts";

export interface WitnessParts {
  readonly store: Store;
  /** The key, which may have to be made first. Throws KeyError. */
  readonly key: () => SigningKey;
  /** Where checkpoints go; another process may carry it away meanwhile. */
  readonly file: string;
  /** Absent: no other process can be at work on this store. */
  readonly leases?: Leases | undefined;
  readonly now: () => Date;
  readonly log: Log;
  readonly everyMs?: number;
  /** What else one process alone shall do each time, after the checkpoints. */
  readonly also?: (() => Promise<void>) | undefined;
}

/** Writes down where the chains are, so that who rewrites them or puts an old database back is found out. */
export interface Witness {
  /** Signs where every chain is that has grown since the last time, unless another process does so. */
  write(): Promise<void>;
  /** Once more for the end; then no more. */
  stop(): Promise<void>;
}

const EVERY_MS = 5 * 60_000;
const LEASE = "audit-witness";

/** Begins at once. A file that cannot be written is logged as an alert and tried again; nothing waits for it. */
export const startWitness = (parts: WitnessParts): Witness => {
  const { store, key, file, leases, now, log, everyMs = EVERY_MS, also } = parts;
  // By tenant, the number of the record that was sworn to last; a new process swears once more.
  const sworn = new Map<string, number>();
  let lease: Lease | undefined;
  let running: Promise<void> | undefined;

  const isOurs = async (): Promise<boolean> => {
    if (!leases) return true;
    if (lease?.lost.aborted) lease = undefined;
    lease ??= await leases.acquire(LEASE);
    return lease !== undefined;
  };

  const swear = async (): Promise<void> => {
    const heads = await store.read("operator", (transaction) => transaction.all(allHeads, {}));
    // Most records are noted: what is sworn to must not be undone by a power loss, which would look
    // like somebody who cut the log. On an embedded store a durable write takes along what was
    // committed before it; PostgreSQL sees to that by itself, within a second.
    await store.write("intake", async () => {});
    const at = now().toISOString();
    const lines: SignedCheckpoint[] = [];
    for (const { tenant_id: tenant, seq, hash } of heads) {
      if (seq === 0 || sworn.get(tenant) === seq) continue;
      const checkpoint = { kind: "checkpoint", tenant, seq, at } as const;
      lines.push(signCheckpoint({ ...checkpoint, hash: Buffer.from(hash).toString("hex") }, key()));
    }
    if (lines.length > 0) await appendCheckpoints(file, lines);
    for (const { tenant, seq } of lines) sworn.set(tenant, seq);
  };

  const once = async (): Promise<void> => {
    try {
      if (!(await isOurs())) return;
      await swear();
    } catch (cause) {
      const fields = { err: cause, file, alert: "audit_checkpoint_failed" };
      log.error(fields, "checkpoints of the audit log not written; trying again later");
      return;
    }
    try {
      await also?.();
    } catch (cause) {
      log.error({ err: cause, alert: "audit_retention_failed" }, "old audit records not removed");
    }
  };

  /** What is asked for while it is done is done once. */
  const write = (): Promise<void> => {
    running ??= once().finally(() => {
      running = undefined;
    });
    return running;
  };

  const timer = setInterval(() => void write(), everyMs);
  timer.unref();
  void write();
  return {
    write,
    stop: async () => {
      clearInterval(timer);
      await running;
      await write();
      await lease?.release();
    },
  };
};
