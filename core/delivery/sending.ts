import type { OutboundPart, SendOutcome } from "../contract/channel.ts";
import { trace } from "../contract/trace-points.ts";
import { SealError } from "../keys/errors.ts";
import { tenantScope } from "../store/scope.ts";
import { type Arrivals, type PartName, partId } from "./arrivals.ts";
import { backoffMs } from "./backoff.ts";
import { createCounters } from "./counters.ts";
import { buryMessage } from "./inbox-rows.ts";
import type { OutboxOptions } from "./outbox.ts";
import {
  buryPart,
  buryReply,
  earlierTwin,
  firstPending,
  type PendingPart,
  postpone,
  takePart,
} from "./outbox-rows.ts";
import { fingerprintOf, openContent, type PartContent } from "./part-content.ts";
import { gatewayAt } from "./process-lease.ts";
import { type Lane, laneKey, type Step } from "./schedule.ts";

/** Sends what is stored, part by part, and finds out what became of what a response carried. */
export interface Sending {
  readonly step: Step;
  /** Nothing of a lane is in a response any more: what waits behind it may go. */
  letPass(lane: Lane): void;
  /** The response that carried this message's reply broke off: known at once, `write` writes it down. */
  knownBroken(inboxId: number, write: () => Promise<unknown>): Promise<void>;
}

// After a crash this short the last of the platform's tries (after 10 s) reaches the new process:
// silence means "delivered".
const SHORT_CRASH_MS = 8_000;
const REPEAT_WINDOW_MS = 60 * 60_000;
const GIVE_UP_AFTER_MS = 24 * 60 * 60_000;
const RACE_MS = 50;

/** What there is to send of a row, or why it cannot be sent. */
type Opened =
  | { readonly content: PartContent; readonly fingerprint: Uint8Array }
  | { readonly refused: string; readonly fingerprint: Uint8Array };

export const createSending = (options: OutboxOptions & { arrivals: Arrivals }): Sending => {
  const { store, cipher, owner, isAlone, isGateway, adapters, schedule, now, random, log, signal } =
    options;
  const { arrivals, counters = createCounters() } = options;
  const startedAt = now().getTime();
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
    if (arrivals.has(row)) {
      await arrivals.record(row, null);
      return "again";
    }
    const waitMs = row.due_at - now().getTime();
    if (waitMs > 0 && !isLeftBehind(row)) return { afterMs: waitMs };
    if (row.via === "inline" && (await mustHaveArrived(row))) {
      await arrivals.record(row, "no redelivery tells otherwise");
      return "again";
    }
    const leftMs = (row.lease_until ?? 0) - now().getTime();
    if (row.owner !== owner && leftMs > 0) return { afterMs: leftMs };
    // Before it is taken: that its key cannot be had for now is not held against it.
    const opened = await open(row);
    const { fingerprint } = opened;
    // Counted before the call: after a crash in the middle, the next try knows that it is not the first.
    const taken = await store.note(scope, (transaction) =>
      transaction.run(takePart, { ...keyOf(row), owner, earlierOwner: row.owner, fingerprint }),
    );
    if (taken === 0) return { afterMs: RACE_MS };
    await settle(row, await send(row, opened));
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

  const open = async (row: PendingPart): Promise<Opened> => {
    if (!adapters.has(row.channel)) {
      return {
        refused: `channel ${row.channel} is switched off`,
        fingerprint: row.fingerprint,
      };
    }
    const scope = tenantScope(row.tenant_id);
    try {
      const content = await openContent(cipher, scope, row.inbox_id, row.part, row.content);
      return { content, fingerprint: await fingerprintOf(cipher, scope, content) };
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      return { refused: cause.message, fingerprint: row.fingerprint };
    }
  };

  const send = async (row: PendingPart, opened: Opened): Promise<SendOutcome> => {
    const adapter = adapters.get(row.channel);
    if ("refused" in opened) return { kind: "refused", reason: opened.refused };
    if (!adapter) return { kind: "refused", reason: `channel ${row.channel} is switched off` };
    try {
      const part: OutboundPart = {
        id: partId(row),
        ...opened.content,
        attempt: row.attempts + 1,
        isRepeat: await isRepeat(row, opened.fingerprint),
      };
      if (row.unsure === 1) {
        const found = await adapter.reconcile(part, signal);
        if (found.kind !== "send") return found;
      }
      trace("sending", undefined, row.inbox_id);
      const outcome = await adapter.send(part, signal);
      if (outcome.kind === "delivered") trace("sent", undefined, row.inbox_id);
      return outcome;
    } catch (cause) {
      const fields = { err: cause, inbox: row.inbox_id, part: row.part, alert: "adapter_threw" };
      log.error(fields, "send ended in a fault");
      return { kind: "unknown", reason: "the adapter failed" };
    }
  };

  const isRepeat = async (row: PendingPart, fingerprint: Uint8Array): Promise<boolean> => {
    const since = now().getTime() - REPEAT_WINDOW_MS;
    const twin = await store.read(tenantScope(row.tenant_id), (transaction) =>
      transaction.first(earlierTwin, { ...keyOf(row), fingerprint, since }),
    );
    return twin !== undefined;
  };

  const settle = async (row: PendingPart, outcome: SendOutcome): Promise<void> => {
    const attempt = row.attempts + 1;
    counters.sends[outcome.kind]++;
    if (attempt > 1) counters.retries++;
    const fields = { lane: row.lane, inbox: row.inbox_id, part: row.part, attempt };
    if (outcome.kind === "delivered") return arrivals.record(row, null);
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

    letPass: (lane) => {
      if (behindInline.delete(laneKey(lane))) schedule().wake(lane);
    },

    knownBroken: async (inboxId, write) => {
      broken.add(inboxId);
      await write();
      broken.delete(inboxId);
    },
  };
};

const keyOf = (row: PartName) => ({
  tenantId: row.tenant_id,
  inboxId: row.inbox_id,
  part: row.part,
});
