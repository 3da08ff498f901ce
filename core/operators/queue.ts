import { randomUUID } from "node:crypto";
import type { AuditLog } from "../audit-log.ts";
import { finishMessage } from "../delivery/reply-end-rows.ts";
import type { Lane } from "../delivery/schedule.ts";
import { PLATFORM_SCOPE, type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store, Transaction } from "../store/store.ts";
import { findMessage, giveUp } from "./one-message.ts";
import { allowed, homeOf, type Operator, readingAs } from "./operator.ts";
import {
  entryOf,
  partOf,
  QUEUE_STATES,
  type QueueEntry,
  type QueuePart,
  type QueueState,
  stateOf,
} from "./queue-entry.ts";
import {
  type MessageRow,
  oldestIn,
  partsOfMessage,
  reviveMessage,
  reviveParts,
} from "./queue-rows.ts";

export interface QueueFilter {
  /** Absent = all of them. */
  readonly state?: QueueState | undefined;
  /** `next` of the page before. */
  readonly cursor?: number | undefined;
  readonly limit: number;
}

export interface QueuePage {
  /** Oldest first. */
  readonly entries: readonly QueueEntry[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: number;
}

/** What an operator's change came to: exactly one message was changed, or none and why. */
export type QueueChange =
  | {
      readonly kind: "changed";
      readonly entry: QueueEntry;
      /** Where there may be work now. */
      readonly lane: Lane;
    }
  | { readonly kind: "refused"; readonly code: QueueRefusalCode; readonly message: string };

export type QueueRefusalCode = "NOT_FOUND" | "NOT_DEAD" | "UNDER_WAY" | "FINISHED";

/**
 * What waits, is being sent, or is dead, in the hands of operators. Everything is put on record:
 * what is read before it is returned, what is changed together with the change.
 */
export interface Queue {
  list(operator: Operator, filter: QueueFilter): Promise<QueuePage>;
  /** Undefined when there is no such message, or it is not this operator's to see. */
  show(
    operator: Operator,
    id: number,
  ): Promise<{ readonly entry: QueueEntry; readonly parts: readonly QueuePart[] } | undefined>;
  /** A dead message goes on: with the reply that it has, or else with a new turn. */
  replay(operator: Operator, id: number): Promise<QueueChange>;
  /** Gives a message up that nobody works on. */
  drop(operator: Operator, id: number): Promise<QueueChange>;
}

export interface QueueParts {
  readonly store: Store;
  readonly auditLog: AuditLog;
  readonly now: () => Date;
}

export const createQueue = ({ store, auditLog, now }: QueueParts): Queue => {
  const find = (operator: Operator, id: number): Promise<MessageRow | undefined> =>
    store.read(readingAs(operator), (transaction) =>
      findMessage(transaction, operator.tenantId, id),
    );

  const seen = (row: MessageRow): QueueEntry => entryOf(row, now().getTime());

  /** Runs a change of one message in the scope of its tenant. */
  const change = async (
    operator: Operator,
    id: number,
    action: "queue.replay" | "queue.drop",
    apply: (transaction: Transaction, row: MessageRow) => Promise<void>,
  ): Promise<QueueChange> => {
    const traceId = randomUUID();
    let scope: TenantScope | undefined;
    try {
      const found = await find(operator, id);
      if (!found) throw new RefusedError("NOT_FOUND", NO_SUCH(id));
      const { tenant_id: tenantId } = found;
      scope = tenantScope(tenantId);
      const record = { scope, action, subject: String(id), traceId };
      return await store.write(scope, async (transaction) => {
        const before = await findMessage(transaction, tenantId, id);
        if (!before) throw new RefusedError("NOT_FOUND", NO_SUCH(id));
        await apply(transaction, before);
        const after = (await findMessage(transaction, tenantId, id)) ?? before;
        const detail = { channel: before.channel, state: stateOf(before), now: stateOf(after) };
        await auditLog.recordIn(transaction, allowed(operator, now(), { ...record, detail }));
        const lane = { id: before.lane, tenantId };
        return { kind: "changed", entry: seen(after), lane } as const;
      });
    } catch (cause) {
      if (!(cause instanceof RefusedError)) throw cause;
      const { code, message } = cause;
      const record = { scope: scope ?? homeOf(operator), action, subject: String(id), traceId };
      await auditLog.record({
        ...allowed(operator, now(), record),
        decision: "refused",
        code,
      });
      return { kind: "refused", code, message };
    }
  };

  return {
    list: async (operator, { state, cursor = 0, limit }) => {
      const { tenantId = "" } = operator;
      const args = { tenantId, after: cursor, limit: limit + 1 };
      const reach = operator.tenantId === undefined ? "all" : "tenant";
      const rows = await store.read(readingAs(operator), async (transaction) => {
        const found: MessageRow[] = [];
        for (const wanted of state === undefined ? QUEUE_STATES : [state]) {
          found.push(...(await transaction.all(LISTS[reach][wanted], args)));
        }
        return found.sort((a, b) => a.id - b.id);
      });
      const entries = rows.slice(0, limit).map(seen);
      const last = entries.at(-1);
      const detail = { tenant: tenantId, state: state ?? "", shown: entries.length };
      await auditLog.record(
        allowed(operator, now(), {
          scope: PLATFORM_SCOPE,
          action: "queue.list",
          subject: "queue",
          detail,
          traceId: randomUUID(),
        }),
      );
      return last && rows.length > limit ? { entries, next: last.id } : { entries };
    },

    show: async (operator, id) => {
      const found = await store.read(readingAs(operator), async (transaction) => {
        const row = await findMessage(transaction, operator.tenantId, id);
        if (!row) return undefined;
        const parts = await transaction.all(partsOfMessage, { tenantId: row.tenant_id, id });
        return { row, parts };
      });
      const at = now();
      await auditLog.record({
        ...allowed(operator, at, {
          scope: PLATFORM_SCOPE,
          action: "queue.show",
          subject: String(id),
          detail: { tenant: found?.row.tenant_id ?? operator.tenantId ?? "" },
          traceId: randomUUID(),
        }),
        ...(!found && { decision: "refused", code: "NOT_FOUND" }),
      });
      return (
        found && {
          entry: seen(found.row),
          parts: found.parts.map((part) => partOf(part, at.getTime())),
        }
      );
    },

    replay: (operator, id) =>
      change(operator, id, "queue.replay", async (transaction, row) => {
        const key = { tenantId: row.tenant_id, id };
        if (row.state !== "dead") throw new RefusedError("NOT_DEAD", NOT_DEAD(id, stateOf(row)));
        await transaction.run(reviveParts, { ...key, now: now().getTime() });
        const state = row.parts > 0 ? "answered" : "pending";
        const revived = await transaction.run(reviveMessage, { ...key, state });
        if (revived === 0) throw new RefusedError("NOT_DEAD", CHANGED_MEANWHILE(id));
        // Should every part be out already, there is nothing to go on with.
        await transaction.run(finishMessage, key);
      }),

    drop: (operator, id) =>
      change(operator, id, "queue.drop", async (transaction, row) => {
        const { state } = row;
        if (state === "done") throw new RefusedError("FINISHED", FINISHED(id));
        if (!(await giveUp(transaction, row, state, now(), DROPPED))) {
          throw new RefusedError("UNDER_WAY", UNDER_WAY(id));
        }
      }),
  };
};

/** Ends a transaction that shall change nothing. */
class RefusedError extends Error {
  override readonly name = "RefusedError";
  constructor(
    readonly code: QueueRefusalCode,
    message: string,
  ) {
    super(message);
  }
}

const DROPPED = "dropped by an operator";
const NO_SUCH = (id: number) =>
  `there is no message ${id}; \`clawgate queue list\` shows those that wait`;
const NOT_DEAD = (id: number, state: string) =>
  `message ${id} is ${state}, not dead: only a dead message can be replayed`;
const FINISHED = (id: number) => `message ${id} is done already; there is nothing to drop`;
const CHANGED_MEANWHILE = (id: number) =>
  `message ${id} was changed at this very moment; look again with \`queue show ${id}\``;
const UNDER_WAY = (id: number) =>
  `message ${id} is being worked on by a running gateway: try again when that is over, or 15 s ` +
  "after that gateway was killed; /stop in its conversation ends a running turn";

const listsFor = (reach: "tenant" | "all") => ({
  waiting: oldestIn("pending", reach),
  sending: oldestIn("answered", reach),
  dead: oldestIn("dead", reach),
});

const LISTS = { tenant: listsFor("tenant"), all: listsFor("all") };
