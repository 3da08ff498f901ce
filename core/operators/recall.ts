import { randomUUID } from "node:crypto";
import type { AuditLog } from "../audit-log.ts";
import type { ChannelAdapter, RecallOutcome } from "../contract/channel.ts";
import { partId } from "../delivery/arrivals.ts";
import { openContent } from "../delivery/part-content.ts";
import { SealError } from "../keys/errors.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store, Transaction } from "../store/store.ts";
import { findMessage, giveUp } from "./one-message.ts";
import { allowed, homeOf, type Operator, readingAs } from "./operator.ts";
import { stateOf } from "./queue-entry.ts";
import type { MessageRow } from "./queue-rows.ts";
import { deliveredParts, messageByKey, notePart } from "./recall-rows.ts";

/** An answer that must not stand: what is out of it is taken back, and nothing more goes out. */
export type Recall = (
  operator: Operator,
  /** Its number in the queue, or the platform's id of the message that was answered. */
  which: number | string,
  signal: AbortSignal,
) => Promise<Recalled>;

export type Recalled =
  /** `parts` that had arrived, the last one first. */
  | { readonly kind: "tried"; readonly id: number; readonly parts: readonly RecalledPart[] }
  | { readonly kind: "refused"; readonly code: RecallRefusalCode; readonly message: string };

export type RecallRefusalCode = "NOT_FOUND" | "NOT_ANSWERED" | "UNDER_WAY";

/** What became of one part; 0-based. */
export type RecalledPart = { readonly part: number } & RecallOutcome;

export interface RecallParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly adapters: ReadonlyMap<string, ChannelAdapter>;
  readonly auditLog: AuditLog;
  readonly now: () => Date;
}

const RECALLED = "recalled by an operator";

export const createRecall = (parts: RecallParts): Recall => {
  const { store, cipher, adapters, auditLog, now } = parts;

  const find = (operator: Operator, which: number | string): Promise<MessageRow | undefined> =>
    store.read(readingAs(operator), async (transaction) => {
      const { tenantId } = operator;
      if (typeof which === "number") return findMessage(transaction, tenantId, which);
      for (const channel of adapters.keys()) {
        const found = await transaction.first(messageByKey, { channel, key: which });
        if (found) return findMessage(transaction, tenantId, found.id);
      }
      return undefined;
    });

  /** Nothing more of it goes out. Throws RefusedError. */
  const end = async (transaction: Transaction, row: MessageRow): Promise<void> => {
    const { state } = row;
    if (state === "done" || state === "pending") return;
    if (!(await giveUp(transaction, row, state, now(), RECALLED))) {
      throw new RefusedError("UNDER_WAY", UNDER_WAY(row.id));
    }
  };

  /** Ends it, and reads what has arrived. Throws RefusedError. */
  const begin = async (operator: Operator, row: MessageRow, traceId: string) => {
    const { id, tenant_id: tenantId, channel } = row;
    const scope = tenantScope(tenantId);
    return store.write(scope, async (transaction) => {
      await end(transaction, row);
      const arrived = await transaction.all(deliveredParts, { tenantId, id });
      const nothing = row.state === "pending" || row.parts === 0;
      if (nothing) throw new RefusedError("NOT_ANSWERED", NOT_ANSWERED(id));
      const detail = { channel, state: stateOf(row), parts: row.parts, arrived: arrived.length };
      await auditLog.recordIn(transaction, recordOf(operator, scope, id, traceId, detail));
      return arrived;
    });
  };

  const recordOf = (
    operator: Operator,
    scope: TenantScope,
    which: number | string,
    traceId: string,
    detail: Readonly<Record<string, string | number>> = {},
  ) => {
    const subject = String(which);
    return allowed(operator, now(), { scope, action: "queue.recall", subject, traceId, detail });
  };

  type Arrived = Awaited<ReturnType<typeof begin>>[number];

  const takeBack = async (
    { id, tenant_id: tenantId }: MessageRow,
    { part, via, channel, reason, content }: Arrived,
    signal: AbortSignal,
  ): Promise<RecalledPart> => {
    if (reason === RECALLED) return { part, kind: "recalled" };
    if (via === "inline") return { part, kind: "impossible", reason: IN_A_RESPONSE };
    const adapter = adapters.get(channel);
    if (!adapter?.recall) {
      return { part, kind: "impossible", reason: `${channel} takes nothing back` };
    }
    const scope = tenantScope(tenantId);
    try {
      const { target } = await openContent(cipher, scope, id, part, content);
      const outcome = await adapter.recall(
        { id: partId({ tenant_id: tenantId, inbox_id: id, part }), target },
        signal,
      );
      if (outcome.kind === "recalled") {
        await store.note(scope, (transaction) =>
          transaction.run(notePart, { tenantId, id, part, reason: RECALLED }),
        );
      }
      return { part, ...outcome };
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      return { part, kind: "impossible", reason: cause.message };
    }
  };

  return async (operator, which, signal) => {
    const traceId = randomUUID();
    const row = await find(operator, which);
    const scope = row ? tenantScope(row.tenant_id) : homeOf(operator);
    try {
      if (!row) throw new RefusedError("NOT_FOUND", NO_SUCH(which));
      const tried: RecalledPart[] = [];
      // The last one first: should one stay, what is before it still reads as it was meant.
      for (const arrived of await begin(operator, row, traceId)) {
        tried.push(await takeBack(row, arrived, signal));
      }
      const recalled = tried.filter(({ kind }) => kind === "recalled").length;
      const left = tried.length - recalled;
      await auditLog.record({
        ...recordOf(operator, scope, row.id, traceId, { recalled, left }),
        ...(left > 0 && { decision: "failed", code: "NOT_RECALLED" }),
      });
      return { kind: "tried", id: row.id, parts: tried };
    } catch (cause) {
      if (!(cause instanceof RefusedError)) throw cause;
      const { code, message } = cause;
      const record = recordOf(operator, scope, row?.id ?? "unknown", traceId);
      await auditLog.record({ ...record, decision: "refused", code });
      return { kind: "refused", code, message };
    }
  };
};

/** Ends a transaction that shall change nothing. */
class RefusedError extends Error {
  override readonly name = "RefusedError";
  constructor(
    readonly code: RecallRefusalCode,
    message: string,
  ) {
    super(message);
  }
}

const IN_A_RESPONSE = "it travelled in a callback's response, which no platform takes back";
const NO_SUCH = (which: number | string) =>
  `there is no message ${which}; \`audit export\` has the ids of those that were answered`;
const NOT_ANSWERED = (id: number) =>
  `message ${id} has no answer to take back; \`queue drop ${id}\` gives it up, and /stop in its ` +
  "conversation ends its running turn";
const UNDER_WAY = (id: number) =>
  `a part of the answer to message ${id} is being sent by a running gateway: try again in a moment`;
