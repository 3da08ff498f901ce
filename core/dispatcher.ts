import { setTimeout as pause } from "node:timers/promises";
import type { AuditLog, PreparedRecord } from "./audit-log.ts";
import type { ChannelAdapter, Receive } from "./contract/channel.ts";
import type { Log } from "./contract/log.ts";
import { type Metrics, NO_METRICS } from "./contract/metrics.ts";
import { trace } from "./contract/trace-points.ts";
import { type Counters, createCounters } from "./delivery/counters.ts";
import type { Inbox, InboxEntry } from "./delivery/inbox.ts";
import { createInlineWaiters } from "./delivery/inline-waiters.ts";
import type { InlineRow, Outbox } from "./delivery/outbox.ts";
import type { RunningTurns } from "./delivery/running-turns.ts";
import { laneKey, type Schedule, type Step } from "./delivery/schedule.ts";
import { createSuspects } from "./delivery/suspects.ts";
import { createIdentify } from "./identify.ts";
import { createInlineReply } from "./inline-reply.ts";
import { createReceive } from "./receive.ts";
import { renderReply } from "./render-reply.ts";
import { StoreAwayError } from "./store/errors.ts";
import type { Work } from "./store/store.ts";
import {
  createDecider,
  MAX_ATTEMPTS,
  type Rules,
  SUSPECT_ATTEMPT,
  scopeOf,
  type Turn,
} from "./turn.ts";
import { whenThere } from "./when-there.ts";

/** Takes messages from the channels and sees each through: inbox, tenant, pipeline, outbox. */
export interface Dispatcher {
  /** Rejects with OverloadError when the sender's tenant has too much waiting already. */
  readonly receive: Receive;
  /** Takes the next turn of a conversation. */
  readonly step: Step;
}

export interface DispatcherOptions {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly turns: RunningTurns;
  readonly adapters: ReadonlyMap<string, ChannelAdapter>;
  /** Where turns wait; known only once it was built around `step`. */
  readonly schedule: () => Pick<Schedule, "wake" | "isFull">;
  /** Whether turns may run in this process, so that a reply can be there while its request is open. */
  readonly isWorker: boolean;
  readonly rules: () => Rules;
  readonly auditLog: AuditLog;
  readonly log: Log;
  readonly now: () => Date;
  /** Aborted when the gateway must go down. */
  readonly signal: AbortSignal;
  /** Default: its own, which nobody reads. */
  readonly counters?: Counters;
  /** Default: nobody counts. */
  readonly metrics?: Metrics;
}

// What ends a turn and is at work is over by then.
const LOOK_AGAIN_MS = 250;
const GIVE_BACK_AGAIN_MS = 250;

/** Each once the one before it is done: in SQLite all in one go, without a promise. */
const oneByOne =
  ([first, ...others]: readonly Work<void>[]): Work<void> =>
  (transaction) =>
    first && whenThere(first(transaction), () => oneByOne(others)(transaction));

export const createDispatcher = (options: DispatcherOptions): Dispatcher => {
  const { inbox, outbox, turns, adapters, schedule, isWorker, rules, auditLog, log, now } = options;
  const { counters = createCounters(), metrics = NO_METRICS, signal } = options;
  const waiters = createInlineWaiters();
  const inlineReply = createInlineReply(outbox, log);
  const identify = createIdentify({
    adapters,
    asksForDepartments: (channel, workspaceId) =>
      rules().asksForDepartments?.(channel, workspaceId) ?? false,
    boundGroups: (channel, workspaceId) => rules().boundGroups?.(channel, workspaceId) ?? [],
  });
  const { find, decide } = createDecider({ adapters, rules, identify, log, now });
  const suspects = createSuspects([SUSPECT_ATTEMPT, MAX_ATTEMPTS], (lane) => schedule().wake(lane));
  // What ends turns begins at once, and the schedule may come to its lane in the same moment: what is
  // ours in the store does not tell whether its turn runs already.
  const atWork = new Set<string>();

  const step: Step = async (lane) => {
    const key = laneKey(lane);
    if (atWork.has(key)) return { afterMs: LOOK_AGAIN_MS };
    atWork.add(key);
    try {
      const claim = await inbox.claim(lane, suspects);
      if (claim.kind === "idle") {
        suspects.foundEmpty(lane);
        return "idle";
      }
      if (claim.kind === "taken") return { afterMs: claim.afterMs };
      await handle(claim.entry);
      return claim.isOnly ? "idle" : "again";
    } finally {
      atWork.delete(key);
      suspects.stepEnded(lane);
    }
  };

  const handle = async (claimed: InboxEntry): Promise<void> => {
    if (claimed.attempt > 1) counters.takenOver++;
    trace("running", claimed.message.id, claimed.id);
    try {
      const asked = identify.ask(claimed.message);
      const message = asked instanceof Promise ? await asked : asked;
      const entry = message === claimed.message ? claimed : { ...claimed, message };
      const found = find(message);
      const scope = scopeOf(found);
      if (scope.tenantId !== entry.scope.tenantId) {
        // The settings were changed meanwhile: its turn comes in the order, and uses the share, of that tenant.
        await inbox.move(entry, scope);
        schedule().wake({ id: entry.lane, tenantId: scope.tenantId });
        return;
      }
      const signal = turns.begin(entry);
      let turn: Turn;
      try {
        turn = await decide(entry, found, signal);
      } finally {
        turns.ended(entry);
      }
      if (await finish(entry, turn)) return;
      log.warn(
        { inbox: entry.id },
        "another process took this turn over, or its message was erased",
      );
      // It comes to nothing, but models were asked: where its data went, and what that cost, is on record.
      for (const record of turn.records) {
        if (record.action === "model.call") await auditLog.record(record);
      }
    } catch (cause) {
      // We are alive, so it was not this message that ended the processes before us.
      await giveBack(claimed);
      throw cause;
    }
  };

  /** As long as we live nobody else takes what bears our name: a store that is away is waited for. */
  const giveBack = async (entry: InboxEntry): Promise<void> => {
    for (;;) {
      try {
        return await inbox.giveBack(entry);
      } catch (cause) {
        if (!(cause instanceof StoreAwayError) || signal.aborted) throw cause;
        // What is at once may outlast the store: it must not keep the process.
        await pause(GIVE_BACK_AGAIN_MS, undefined, { ref: false });
      }
    }
  };

  /** Whether it was still ours to end; else nothing is stored. */
  const finish = async (
    entry: InboxEntry,
    { reply, locale, records, kept }: Turn,
  ): Promise<boolean> => {
    const waiter = waiters.take(entry.id);
    const row: InlineRow = { inboxId: entry.id, lane: entry.lane, scope: entry.scope };
    try {
      const prepared: PreparedRecord[] = [];
      for (const record of records) {
        const made = auditLog.prepare(record);
        prepared.push(made instanceof Promise ? await made : made);
      }
      const recorded = prepared.map(
        (record): Work<void> =>
          (transaction) =>
            auditLog.recordIn(transaction, record),
      );
      const also = oneByOne([...kept, ...recorded]);
      const adapter = adapters.get(entry.message.channel);
      const parts = reply.kind === "silence" ? [] : renderReply(adapter, entry, reply, locale, log);
      if (typeof parts === "string") {
        log.error({ inbox: entry.id, reason: parts, alert: "dead_letter" }, "message not answered");
        const isOurs = await inbox.bury(entry, parts, also);
        tellSilence(entry);
        waiter?.answer(undefined);
        return isOurs;
      }
      const { isOurs, isInline } = await outbox.complete(entry, {
        parts,
        also,
        mayInline: waiter?.fits(parts[0] ?? "") ?? false,
      });
      if (isOurs) {
        counters.answered++;
        const ms = now().getTime() - entry.receivedAt.getTime();
        metrics.turnEnded(entry.scope, entry.message.channel, reply, entry.attempt, ms);
        if (parts.length === 0) tellSilence(entry);
      }
      waiter?.answer(isInline ? inlineReply(row, parts[0] ?? "") : undefined);
      return isOurs;
    } catch (cause) {
      waiter?.answer(undefined);
      // Where the connection broke during the commit, it may be stored for the response all the same.
      if (waiter) inlineReply(row, "").settled(false);
      throw cause;
    }
  };

  const tellSilence = ({ message }: InboxEntry): void =>
    adapters.get(message.channel)?.silent?.(message.target);

  const receive = createReceive({
    inbox,
    outbox,
    waiters,
    identify,
    schedule,
    step,
    scopeFor: (message) => scopeOf(find(message)),
    isWorker,
    inlineReply,
    counters,
    metrics,
    log,
  });
  return { step, receive };
};
