import type { ChannelAdapter, OutboundPart, SendOutcome } from "../contract/channel.ts";
import type { Log } from "../contract/log.ts";
import { trace } from "../contract/trace-points.ts";
import { SealError } from "../keys/errors.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store, Work } from "../store/store.ts";
import { backoffMs } from "./backoff.ts";
import { type Counters, createCounters } from "./counters.ts";
import type { InboxEntry } from "./inbox.ts";
import { answeredLanes, buryMessage, endTurn, finishMessage } from "./inbox-rows.ts";
import {
  anyPending,
  buryPart,
  buryReply,
  earlierTwin,
  firstPending,
  inlinePart,
  insertPart,
  markBroken,
  markDelivered,
  type PendingPart,
  postpone,
  takePart,
} from "./outbox-rows.ts";
import { openContent, sealParts } from "./part-content.ts";
import { gatewayAt } from "./process-lease.ts";
import {
  type Lane,
  type LaneSource,
  laneKey,
  placeAfter,
  type Schedule,
  type Step,
} from "./schedule.ts";

/** Replies on their way out: stored before they are sent, in order within a lane. */
export interface Outbox {
  /**
   * Ends a message with its reply, in one durable transaction: no reply without its message being
   * done, no message done without its reply stored. `mayInline` = a response is open that can
   * carry it; the answer says whether it shall (never while an earlier reply is still on its way).
   * `isOurs` is false when another process has taken the message over: then nothing was stored.
   */
  complete(
    entry: InboxEntry,
    reply: {
      readonly parts: readonly string[];
      readonly mayInline: boolean;
      /** What is stored in the same transaction. */
      readonly also?: Work<void>;
    },
  ): Promise<{ readonly isOurs: boolean; readonly isInline: boolean }>;
  /** The body that an earlier response of this message carried, if one did. */
  inlineBody(scope: TenantScope, inboxId: number): Promise<string | undefined>;
  /** The response was written completely (delivered) or broke off (sent later, unless redelivered). */
  inlineSettled(reply: InlineRow, isComplete: boolean): Promise<void>;
  /** Sends what is next in a lane. */
  readonly step: Step;
  /** Lanes with replies that are not out yet. */
  readonly lanes: LaneSource;
}

/** Which reply travelled in a response. */
export interface InlineRow {
  readonly scope: TenantScope;
  readonly inboxId: number;
  readonly lane: string;
}

export interface OutboxOptions {
  readonly store: Store;
  readonly cipher: ContentCipher;
  /** Id of this process's lease. */
  readonly owner: string;
  /** No other process can be at work on this store. */
  readonly isAlone: boolean;
  /** Platforms reach this process, so that it would know of a redelivery. */
  readonly isGateway: boolean;
  readonly adapters: ReadonlyMap<string, ChannelAdapter>;
  /** Wakes lanes; known only once it was built around `step`. */
  readonly schedule: () => Pick<Schedule, "wake">;
  readonly now: () => Date;
  readonly random: () => number;
  readonly log: Log;
  /** Aborts sends that are under way when the gateway must go down. */
  readonly signal: AbortSignal;
  /** Default: its own, which nobody reads. */
  readonly counters?: Counters;
}

// A platform that got no complete response delivers again within this time, and then the same body
// travels in that response; only after it the reply is sent actively. WeCom: three tries, 5 s apart.
// https://developer.work.weixin.qq.com/document/path/90930
const REDELIVERY_MS = 20_000;
// After a crash this short the last of the platform's tries (after 10 s) reaches the new process:
// silence means "delivered".
const SHORT_CRASH_MS = 8_000;
const REPEAT_WINDOW_MS = 60 * 60_000;
const GIVE_UP_AFTER_MS = 24 * 60 * 60_000;
const RACE_MS = 50;

export const createOutbox = (options: OutboxOptions): Outbox => {
  const { store, cipher, owner, isAlone, isGateway, adapters, schedule, now, random, log, signal } =
    options;
  const { counters = createCounters() } = options;
  const startedAt = now().getTime();
  // Parts that arrived and whose row does not say so yet, by id.
  const arrived = new Set<string>();
  // Inline replies whose response broke off and whose row does not say so yet, by message id.
  const broken = new Set<number>();
  // Lanes that wait for the response before them to be written, and those that are looked at just now.
  const behindInline = new Set<string>();

  const next = async (lane: Lane): Promise<PendingPart | undefined> => {
    const { tenantId, id } = lane;
    // Before it looks: a response that is completely written meanwhile must wake the lane.
    behindInline.add(laneKey(lane));
    const row = await store.read(tenantScope(tenantId), (transaction) =>
      transaction.first(firstPending, { tenantId, lane: id }),
    );
    if (row?.via !== "inline") behindInline.delete(laneKey(lane));
    return row;
  };

  const step: Step = async (lane) => {
    const scope = tenantScope(lane.tenantId);
    const row = await next(lane);
    if (!row) return "idle";
    if (arrived.has(idOf(row))) {
      await recordDelivered(row, null);
      return "again";
    }
    const waitMs = row.due_at - now().getTime();
    if (waitMs > 0 && !isLeftBehind(row)) return { afterMs: waitMs };
    if (row.via === "inline" && (await mustHaveArrived(row))) {
      await recordDelivered(row, "no redelivery tells otherwise");
      return "again";
    }
    const leftMs = (row.lease_until ?? 0) - now().getTime();
    if (row.owner !== owner && leftMs > 0) return { afterMs: leftMs };
    // Counted before the call: after a crash in the middle, the next try knows that it is not the first.
    const taken = await store.note(scope, (transaction) =>
      transaction.run(takePart, { ...keyOf(row), owner, earlierOwner: row.owner }),
    );
    if (taken === 0) return { afterMs: RACE_MS };
    await settle(row, await send(row));
    return "again";
  };

  /** It travelled in a response of a process that is gone: nobody will tell what became of it. */
  const isLeftBehind = (row: PendingPart): boolean =>
    isAlone && row.via === "inline" && row.created_at < startedAt;

  /** Nobody said that the response broke off, and somebody was there for the platform's retries. */
  const mustHaveArrived = async (row: PendingPart): Promise<boolean> => {
    if (row.reason !== null || broken.has(row.inbox_id)) return false;
    const at = row.created_at + SHORT_CRASH_MS;
    if (isGateway && startedAt <= at) return true;
    const other = await store.read(tenantScope(row.tenant_id), (transaction) =>
      transaction.first(gatewayAt, { at }),
    );
    return other !== undefined;
  };

  const send = async (row: PendingPart): Promise<SendOutcome> => {
    const adapter = adapters.get(row.channel);
    if (!adapter) return { kind: "refused", reason: `channel ${row.channel} is switched off` };
    try {
      const part = await partOf(row);
      if (row.unsure === 1) {
        const found = await adapter.reconcile(part, signal);
        if (found.kind !== "send") return found;
      }
      trace("sending", undefined, row.inbox_id);
      const outcome = await adapter.send(part, signal);
      if (outcome.kind === "delivered") trace("sent", undefined, row.inbox_id);
      return outcome;
    } catch (cause) {
      if (cause instanceof SealError) return { kind: "refused", reason: cause.message };
      const fields = { err: cause, inbox: row.inbox_id, part: row.part, alert: "adapter_threw" };
      log.error(fields, "send ended in a fault");
      return { kind: "unknown", reason: "the adapter failed" };
    }
  };

  const partOf = async (row: PendingPart): Promise<OutboundPart> => {
    const scope = tenantScope(row.tenant_id);
    const content = await openContent(cipher, scope, row.inbox_id, row.part, row.content);
    const twin = await store.read(scope, (transaction) =>
      transaction.first(earlierTwin, {
        ...keyOf(row),
        fingerprint: row.fingerprint,
        since: now().getTime() - REPEAT_WINDOW_MS,
      }),
    );
    return {
      id: idOf(row),
      ...content,
      attempt: row.attempts + 1,
      isRepeat: twin !== undefined,
    };
  };

  const recordDelivered = async (row: PartName, reason: string | null): Promise<void> => {
    arrived.add(idOf(row));
    await store.note(tenantScope(row.tenant_id), async (transaction) => {
      await transaction.run(markDelivered, { ...keyOf(row), reason });
      await transaction.run(finishMessage, { tenantId: row.tenant_id, id: row.inbox_id });
    });
    arrived.delete(idOf(row));
    trace("delivered", undefined, row.inbox_id);
  };

  const settle = async (row: PendingPart, outcome: SendOutcome): Promise<void> => {
    const attempt = row.attempts + 1;
    counters.sends[outcome.kind]++;
    if (attempt > 1) counters.retries++;
    const fields = { lane: row.lane, inbox: row.inbox_id, part: row.part, attempt };
    if (outcome.kind === "delivered") return recordDelivered(row, null);
    const scope = tenantScope(row.tenant_id);
    const { reason } = outcome;
    const isHopeless =
      outcome.kind === "refused" || now().getTime() - row.created_at > GIVE_UP_AFTER_MS;
    if (isHopeless) {
      const isOurs = await store.write(scope, async (transaction) => {
        if ((await transaction.run(buryPart, { ...keyOf(row), owner, reason })) === 0) return false;
        await transaction.run(buryReply, { ...keyOf(row), reason });
        await transaction.run(buryMessage, { tenantId: row.tenant_id, id: row.inbox_id, reason });
        return true;
      });
      if (!isOurs) return;
      log.error({ ...fields, reason, alert: "dead_letter" }, "reply not deliverable");
      counters.deadLetters++;
      return;
    }
    const pause = backoffMs(attempt, random);
    const waitMs = outcome.kind === "retry" ? Math.max(outcome.afterMs, pause) : pause;
    log.warn({ ...fields, outcome: outcome.kind, reason, waitMs }, "send again later");
    await store.note(scope, (transaction) =>
      transaction.run(postpone, {
        ...keyOf(row),
        owner,
        dueAt: now().getTime() + waitMs,
        // What certainly did not arrive this time may still have arrived an earlier time.
        unsure: outcome.kind === "unknown" || row.unsure === 1 ? 1 : 0,
        reason,
      }),
    );
  };

  return {
    step,

    lanes: (after, limit) =>
      store.read("intake", (transaction) =>
        transaction.all(answeredLanes, {
          tenantId: after?.tenantId ?? "",
          lane: placeAfter(after),
          limit,
        }),
      ),

    complete: async (entry, { parts, mayInline, also }) => {
      const { id, lane, scope } = entry;
      const { tenantId } = scope;
      const sealed = await sealParts(cipher, entry, parts);
      const ended = await store.write(scope, async (transaction) => {
        const state = parts.length === 0 ? "done" : "answered";
        const ours = await transaction.run(endTurn, { tenantId, id, owner, state, reason: null });
        if (ours === 0) return { isOurs: false, isInline: false };
        const isInline =
          mayInline &&
          parts.length === 1 &&
          (await transaction.first(anyPending, { tenantId, lane })) === undefined;
        const created_at = now().getTime();
        const via = isInline ? ("inline" as const) : ("send" as const);
        const due_at = isInline ? created_at + REDELIVERY_MS : created_at;
        const common = { tenant_id: tenantId, inbox_id: id, lane, channel: entry.message.channel };
        for (const [part, content] of sealed.entries()) {
          const row = { ...common, part, ...content, via, due_at, created_at };
          await transaction.run(insertPart, row);
        }
        await also?.(transaction);
        return { isOurs: true, isInline };
      });
      if (ended.isOurs && parts.length > 0 && !ended.isInline) {
        schedule().wake({ id: lane, tenantId });
      }
      return ended;
    },

    inlineBody: async (scope, inboxId) => {
      const row = await store.read(scope, (transaction) =>
        transaction.first(inlinePart, { tenantId: scope.tenantId, inboxId }),
      );
      return row && (await openContent(cipher, scope, inboxId, 0, row.content)).body;
    },

    inlineSettled: async ({ scope, inboxId, lane }, isComplete) => {
      const { tenantId } = scope;
      const waiting = { id: lane, tenantId };
      if (!isComplete) {
        log.warn({ inbox: inboxId }, "response broke off; waiting for the platform's redelivery");
        const reason = "the response broke off";
        broken.add(inboxId);
        await store.note(scope, (transaction) =>
          transaction.run(markBroken, { tenantId, inboxId, reason }),
        );
        broken.delete(inboxId);
        schedule().wake(waiting);
        return;
      }
      await recordDelivered({ tenant_id: tenantId, inbox_id: inboxId, part: 0 }, null);
      if (behindInline.delete(laneKey(waiting))) schedule().wake(waiting);
    },
  };
};

/** Names a part, as its row does. */
type PartName = Pick<PendingPart, "tenant_id" | "inbox_id" | "part">;

/** Deterministic, for adapters; message ids are unique over all tenants. */
const idOf = (row: PartName): string => `${row.inbox_id}.${row.part}`;

const keyOf = (row: PartName) => ({
  tenantId: row.tenant_id,
  inboxId: row.inbox_id,
  part: row.part,
});
