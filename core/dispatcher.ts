import { setTimeout as pause } from "node:timers/promises";
import type { AuditLog } from "./audit-log.ts";
import type { ChannelAdapter, InlineReply, Receive } from "./contract/channel.ts";
import { OverloadError } from "./contract/errors.ts";
import type { Log } from "./contract/log.ts";
import type { InboundMessage } from "./contract/message.ts";
import { kindOf, type Metrics, NO_METRICS } from "./contract/metrics.ts";
import type { Locale } from "./contract/model.ts";
import type { Answer, Refusal } from "./contract/reply.ts";
import { trace } from "./contract/trace-points.ts";
import { type Counters, createCounters } from "./delivery/counters.ts";
import type { Claim, Inbox, InboxEntry } from "./delivery/inbox.ts";
import { createInlineWaiters } from "./delivery/inline-waiters.ts";
import { endsTurns, laneOf } from "./delivery/lane.ts";
import type { InlineRow, Outbox } from "./delivery/outbox.ts";
import type { RunningTurns } from "./delivery/running-turns.ts";
import { type Lane, laneKey, type Schedule, type Step } from "./delivery/schedule.ts";
import { createSuspects } from "./delivery/suspects.ts";
import { createIdentify } from "./identify.ts";
import { refuse } from "./refuse.ts";
import { StoreAwayError } from "./store/errors.ts";
import type { Work } from "./store/store.ts";
import { createDecider, MAX_ATTEMPTS, type Rules, scopeOf, type Turn } from "./turn.ts";

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

export const createDispatcher = (options: DispatcherOptions): Dispatcher => {
  const { inbox, outbox, turns, adapters, schedule, isWorker, rules, auditLog, log, now } = options;
  const { counters = createCounters(), metrics = NO_METRICS, signal } = options;
  const waiters = createInlineWaiters();
  const identify = createIdentify({
    adapters,
    asksForDepartments: (channel, workspaceId) =>
      rules().asksForDepartments?.(channel, workspaceId) ?? false,
    boundGroups: (channel, workspaceId) => rules().boundGroups?.(channel, workspaceId) ?? [],
  });
  const { find, decide } = createDecider({ adapters, rules, identify, log, now });
  const suspects = createSuspects(MAX_ATTEMPTS, (lane) => schedule().wake(lane));
  // What ends turns begins at once, and the schedule may come to its lane in the same moment: what is
  // ours in the store does not tell whether its turn runs already.
  const atWork = new Set<string>();

  const step: Step = async (lane) => {
    const key = laneKey(lane);
    if (atWork.has(key)) return { afterMs: LOOK_AGAIN_MS };
    atWork.add(key);
    try {
      return await begin(await inbox.claim(lane, suspects.admit));
    } finally {
      atWork.delete(key);
      suspects.stepEnded(lane);
    }
  };

  const begin = async (claim: Claim): ReturnType<Step> => {
    if (claim.kind === "idle") return "idle";
    if (claim.kind === "taken") return { afterMs: claim.afterMs };
    const { entry } = claim;
    if (entry.attempt > 1) counters.takenOver++;
    trace("running", entry.message.id, entry.id);
    try {
      await handle(entry);
    } catch (cause) {
      // We are alive, so it was not this message that ended the processes before us.
      await giveBack(entry);
      throw cause;
    }
    return claim.isOnly ? "idle" : "again";
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

  const handle = async (claimed: InboxEntry): Promise<void> => {
    const entry = { ...claimed, message: await identify.ask(claimed.message) };
    const found = find(entry.message);
    const scope = scopeOf(found);
    if (scope.tenantId !== entry.scope.tenantId) {
      // The settings were changed meanwhile: its turn comes in the order, and uses the share, of that tenant.
      await inbox.move(entry, scope);
      schedule().wake({ id: entry.lane, tenantId: scope.tenantId });
      return;
    }
    const turn = await turns.run(entry, (signal) => decide(entry, found, signal));
    if (await finish(entry, turn)) return;
    log.warn({ inbox: entry.id }, "another process took this turn over, or its message was erased");
    // It comes to nothing, but models were asked: where its data went, and what that cost, is on record.
    for (const record of turn.records) {
      if (record.action === "model.call") await auditLog.record(record);
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
      const prepared = await Promise.all(records.map(auditLog.prepare));
      const also: Work<void> = async (transaction) => {
        for (const work of kept) await work(transaction);
        for (const record of prepared) await auditLog.recordIn(transaction, record);
      };
      const parts = reply.kind === "silence" ? [] : render(entry, reply, locale);
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
        trace("reply_stored", entry.message.id, entry.id);
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

  /** The reply's parts, or why there are none. */
  const render = (
    entry: InboxEntry,
    reply: Answer | Refusal,
    locale: Locale,
  ): readonly string[] | string => {
    const { channel } = entry.message;
    const adapter = adapters.get(channel);
    if (!adapter) return `channel ${channel} is switched off`;
    // A reply that cannot be rendered will not be rendered by doing its turn again, either.
    for (const candidate of [reply, refuse("INTERNAL", locale)]) {
      try {
        return adapter.render(candidate, entry.message.target);
      } catch (cause) {
        const fields = { err: cause, inbox: entry.id, alert: "reply_not_renderable" };
        log.error(fields, "reply cannot be rendered");
      }
    }
    return "its reply cannot be rendered";
  };

  const inlineReply = (row: InlineRow, body: string): InlineReply => ({
    body,
    settled: (isComplete) => {
      outbox.inlineSettled(row, isComplete).catch((cause) => {
        log.error({ err: cause, inbox: row.inboxId }, "delivery of an inline reply not recorded");
      });
    },
  });

  /** Takes a message in, unless too much of its tenant's waits; what is known already always is. */
  const accept = async (given: InboundMessage) => {
    const message = await identify.remember(given);
    const scope = scopeOf(find(message));
    if (endsTurns(message) || !schedule().isFull(scope.tenantId))
      return inbox.accept(message, scope);
    const known = await inbox.find(message);
    if (known) return known;
    counters.overloaded++;
    metrics.told(scope, message.channel, kindOf(message.content), "store", "put_off");
    throw new OverloadError(scope.tenantId);
  };

  /** Not in its turn: what it is to end may hold the last slot that its tenant can have. */
  const beginAtOnce = async (lane: Lane): Promise<void> => {
    try {
      await step(lane);
    } catch (cause) {
      log.error({ err: cause, lane }, "what ends turns is not finished; trying again in its turn");
    }
    // Its lane is its own: this finds nothing left to do, unless that did not end well.
    schedule().wake(lane);
  };

  return {
    step,
    receive: async (message) => {
      trace("received", message.id);
      const { id, isNew, scope } = await accept(message);
      const lane = laneOf(message);
      if (isNew) {
        counters.accepted++;
        metrics.told(scope, message.channel, kindOf(message.content), "store", "new");
        trace("stored", message.id, id);
        // In the next turn of the event loop, so that the adapter can say that it waits.
        const begin = endsTurns(message) ? beginAtOnce : schedule().wake;
        setImmediate(() => void begin({ id: lane, tenantId: scope.tenantId }));
        return {
          isNew,
          inlineReply: async (deadline, fits = () => true) =>
            isWorker || endsTurns(message) ? waiters.wait(id, deadline, fits) : undefined,
        };
      }
      counters.duplicates++;
      metrics.told(scope, message.channel, kindOf(message.content), "store", "duplicate");
      return {
        isNew,
        inlineReply: async () => {
          const body = await outbox.inlineBody(scope, id);
          return body === undefined ? undefined : inlineReply({ inboxId: id, lane, scope }, body);
        },
      };
    },
  };
};
