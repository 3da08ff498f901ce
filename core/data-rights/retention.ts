import { randomUUID } from "node:crypto";
import type { AuditLog } from "../audit-log.ts";
import type { Log } from "../contract/log.ts";
import { manyIds } from "../delivery/many-ids.ts";
import { firstRowIdOf } from "../memory/row-id.ts";
import { eraseTokensOf } from "../memory/rows.ts";
import { tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import {
  emptyMessages,
  expiredExchanges,
  expireExchange,
  oldestMessages,
  removeMessages,
  removeReplies,
  removeReviews,
} from "./retention-rows.ts";

export interface RetentionParts {
  readonly store: Store;
  readonly auditLog: AuditLog;
  readonly now: () => Date;
  readonly log: Log;
  /** Days after which a tenant's data is erased, by tenant; the others keep theirs. */
  readonly daysOf: () => ReadonlyMap<string, number>;
}

/** How much of a tenant's was erased. */
interface Expired {
  exchanges: number;
  messages: number;
  /** What waited for a reviewer. */
  held: number;
}

const EVERY_MS = 60 * 60_000;
/** A gateway that never runs for an hour must erase all the same, but not while it starts. */
const FIRST_MS = 60_000;
const DAY_MS = 24 * 60 * 60_000;
const EXCHANGES = 200;
const WINDOW = 1_000;

/** Erases, soon and then once an hour, what is older than its tenant keeps. Returns how to stop. */
export const startRetention = (parts: RetentionParts): (() => void) => {
  const sweep = () => {
    sweepOldData(parts).catch((cause) => {
      parts.log.warn({ err: cause }, "old data not erased; trying again later");
    });
  };
  const first = setTimeout(sweep, FIRST_MS).unref();
  const others = setInterval(sweep, EVERY_MS).unref();
  return () => {
    clearTimeout(first);
    clearInterval(others);
  };
};

/**
 * Erases exchanges, messages, replies and what waits for a reviewer that are older than their tenants
 * keep, but for what a legal hold keeps: a hold on a person keeps their exchanges and what is held of
 * them, and since messages are sealed as a whole, any hold all of the tenant's messages. What is in the middle of being sent is left for the next time.
 */
export const sweepOldData = async (parts: RetentionParts): Promise<void> => {
  const { auditLog, now, daysOf } = parts;
  const at = now();
  const before = new Map(
    [...daysOf()].map(([tenantId, days]) => [tenantId, new Date(at.getTime() - days * DAY_MS)]),
  );
  if (before.size === 0) return;
  const expired = new Map<string, Expired>();
  for (const [tenantId, instant] of before) {
    const exchanges = await expireMemory(parts, tenantId, instant);
    const old = { tenantId, before: instant.getTime() };
    const held = await parts.store.note(tenantScope(tenantId), (transaction) =>
      transaction.run(removeReviews, old),
    );
    expired.set(tenantId, { exchanges, messages: 0, held });
  }
  await expireMessages(parts, before, expired);
  for (const [tenantId, { exchanges, messages, held }] of expired) {
    if (exchanges + messages + held === 0) continue;
    await auditLog.record({
      at,
      traceId: randomUUID(),
      scope: tenantScope(tenantId),
      actor: "retention",
      action: "memory.expire",
      subject: "tenant",
      decision: "allowed",
      code: "OK",
      durationMs: now().getTime() - at.getTime(),
      detail: { exchanges, messages, held },
    });
  }
};

const expireMemory = async (
  { store }: RetentionParts,
  tenantId: string,
  instant: Date,
): Promise<number> => {
  const scope = tenantScope(tenantId);
  const wanted = { tenantId, before: firstRowIdOf(instant), limit: EXCHANGES };
  for (let total = 0; ; ) {
    const rows = await store.read(scope, (transaction) =>
      transaction.all(expiredExchanges, wanted),
    );
    const erased = await store.note(scope, async (transaction) => {
      let count = 0;
      for (const { id } of rows) {
        if ((await transaction.run(expireExchange, { tenantId, id })) === 0) continue;
        await transaction.run(eraseTokensOf, { tenantId, id });
        count += 1;
      }
      return count;
    });
    total += erased;
    if (erased === 0) return total;
  }
};

const expireMessages = async (
  { store }: RetentionParts,
  before: ReadonlyMap<string, Date>,
  expired: ReadonlyMap<string, Expired>,
): Promise<void> => {
  const latest = Math.max(...[...before.values()].map((instant) => instant.getTime()));
  for (let after = 0; ; ) {
    const rows = await store.read("intake", (transaction) =>
      transaction.all(oldestMessages, { after, limit: WINDOW }),
    );
    const last = rows.at(-1);
    if (!last) return;
    for (const [tenantId, instant] of before) {
      const old = rows.filter(
        (row) => row.tenant_id === tenantId && row.received_at < instant.getTime(),
      );
      const done = old.filter(({ state, bytes }) => state === "done" && bytes > 0);
      const left = old.filter(
        ({ state, owner }) => state === "dead" || (state === "pending" && owner === ""),
      );
      if (done.length + left.length === 0) continue;
      const count = await store.note(tenantScope(tenantId), async (transaction) => {
        let erased = 0;
        const doneIds = done.map(({ id }) => id);
        for (const many of manyIds({ tenantId }, doneIds)) {
          erased += await transaction.run(emptyMessages, many);
          await transaction.run(removeReplies, many);
        }
        const leftIds = left.map(({ id }) => id);
        for (const many of manyIds({ tenantId }, leftIds)) {
          erased += await transaction.run(removeMessages, many);
        }
        return erased;
      });
      const of = expired.get(tenantId);
      if (of) of.messages += count;
    }
    if (last.received_at >= latest) return;
    after = last.id;
  }
};
