import type { OutboundPart, SendOutcome } from "../contract/channel.ts";
import { NO_METRICS } from "../contract/metrics.ts";
import { trace } from "../contract/trace-points.ts";
import { SealError } from "../keys/errors.ts";
import { tenantScope } from "../store/scope.ts";
import { type Arrivals, type PartName, partId } from "./arrivals.ts";
import { backoffMs } from "./backoff.ts";
import { createCounters } from "./counters.ts";
import { createKeptParts, type KeptPart } from "./kept-parts.ts";
import { createLaterTries } from "./later-tries.ts";
import type { OutboxOptions } from "./outbox.ts";
import {
  buryPart,
  buryReply,
  earlierTwin,
  type FirstTry,
  firstPending,
  NO_FINGERPRINT,
  type PendingPart,
  postpone,
  takeFirst,
  takePart,
} from "./outbox-rows.ts";
import { fingerprintOf, openContent, type PartContent } from "./part-content.ts";
import { buryMessage } from "./reply-end-rows.ts";
import { type Lane, laneKey, type Step } from "./schedule.ts";

/** How a reply was stored: for a response, taken for its first try, or to wait for it; or not at all. */
export type Stored = "inline" | "taken" | "waiting" | "not ours";

/** Sends what is stored, part by part, and finds out what became of what a response carried. */
export interface Sending {
  readonly step: Step;
  /**
   * Stores the only part of a reply, by `store`, and sends it. Where nobody else is at work, its lane's
   * step can begin now and nothing is before it, it is stored as taken for its first try; else it is to
   * be kept.
   */
  storeAndSend(
    lane: Lane,
    part: KeptPart,
    store: (first?: FirstTry) => Promise<Stored>,
  ): Promise<Stored>;
  /**
   * Told of each reply that was stored to wait, before its lane is woken; with what is sent if it is
   * one part: it goes without being read, where nothing is before it.
   */
  keep(lane: Lane, part: KeptPart | undefined): void;
  /** Nothing of a lane is in a response any more: what waits behind it may go. */
  letPass(lane: Lane): void;
  /** The response that carried this message's reply broke off: known at once, `write` writes it down. */
  knownBroken(inboxId: number, write: () => Promise<unknown>): Promise<void>;
}

// After a crash this short the last of the platform's tries (after 10 s) reaches the new process,
// where there is one only: silence means "delivered".
const SHORT_CRASH_MS = 8_000;
const REPEAT_WINDOW_MS = 60 * 60_000;
const GIVE_UP_AFTER_MS = 24 * 60 * 60_000;
// So many take a quarter of an hour: after a clock that was set forward, or a gateway that was down
// for long, a reply is not given up at the first try that fails.
const FEWEST_TRIES = 12;
// Nothing is put off for longer; what is due later than this was put off before the clock was set back.
const LONGEST_PAUSE_MS = 60 * 60_000;
const RACE_MS = 50;

/** What of a row counts once it is taken. */
type SentPart = PartName &
  Pick<PendingPart, "lane" | "channel" | "created_at" | "attempts" | "unsure">;

/** What there is to send of a row, or why it cannot be sent. */
type Opened =
  | { readonly content: PartContent; readonly fingerprint: Uint8Array }
  | { readonly refused: string; readonly fingerprint: Uint8Array };

export const createSending = (options: OutboxOptions & { arrivals: Arrivals }): Sending => {
  const { store, cipher, owner, isAlone, adapters, schedule, now, random, log, signal } = options;
  const { arrivals, counters = createCounters(), metrics = NO_METRICS } = options;
  const { holdsLease = () => true, leaseTerm = () => 1 } = options;
  const laterTries = createLaterTries({ store, cipher });
  const startedAt = now().getTime();
  // Inline replies whose response broke off and whose row does not say so yet, by message id.
  const broken = new Set<number>();
  // Lanes that wait for the response before them to be written, and those that are looked at just now.
  const behindInline = new Set<string>();
  const kept = createKeptParts();

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
    const part = kept.take(lane);
    return (part && (await sendKept(lane, part))) ?? sendNext(lane);
  };

  /** Nothing when it has to go the usual way: something is before it, or another process was quicker. */
  const sendKept = async (
    lane: Lane,
    part: KeptPart,
  ): Promise<Awaited<ReturnType<Step>> | undefined> => {
    const { tenantId, id } = lane;
    const { inboxId, channel, content } = part;
    const fingerprint = await fingerprinted(channel, tenantId, content);
    const term = leaseTerm();
    const taken = await store.write(tenantScope(tenantId), (transaction) =>
      transaction.run(takeFirst, { tenantId, inboxId, lane: id, owner, fingerprint }),
    );
    return taken === 0 ? undefined : await sendTaken(lane, part, fingerprint, term);
  };

  const storeAndSend: Sending["storeAndSend"] = (lane, part, store) => {
    let stored: Promise<Stored> | undefined;
    const begin: Step = () => {
      const term = leaseTerm();
      stored = store({ owner, attempts: 1, unsure: 1 });
      // No async function: its frame would keep all that was stored with the reply until that is sent.
      return stored.then(
        (way) => (way === "taken" ? sendTaken(lane, part, NO_FINGERPRINT, term) : "again"),
        // That it could not be stored is its turn's to tell; what was stored all the same is found by the sweep.
        () => "idle",
      );
    };
    // Two commits side by side would not see each other's reply, nor two tries each other's text. With its
    // slot first: after a crash no more of them are in doubt than were on their way.
    if (isAlone && takesRepeats(part.channel)) schedule().begin?.(lane, begin);
    return stored ?? store();
  };

  /** Sends what the store says is taken for its first try. */
  const sendTaken = async (
    lane: Lane,
    { inboxId, channel, content, createdAt }: KeptPart,
    fingerprint: Uint8Array,
    term: number,
  ): Promise<Awaited<ReturnType<Step>>> => {
    const row: SentPart = {
      tenant_id: lane.tenantId,
      inbox_id: inboxId,
      part: 0,
      lane: lane.id,
      channel,
      created_at: createdAt,
      attempts: 0,
      unsure: 0,
    };
    const outcome = await send(row, { content, fingerprint }, term);
    if (outcome === undefined) return { afterMs: RACE_MS };
    if (outcome.kind !== "delivered") {
      await settle(row, outcome);
      return "again";
    }
    counters.sends.delivered++;
    metrics.sendEnded(lane, channel, "delivered", 1);
    await arrivals.recordSoon(inboxId, lane);
    // What is stored behind it and not kept came since, and has woken the lane; or another process stored it.
    return isAlone && !kept.has(lane) ? "idle" : "again";
  };

  const sendNext: Step = async (lane) => {
    const scope = tenantScope(lane.tenantId);
    const row = await next(lane);
    if (!row) return "idle";
    if (arrivals.has(row)) {
      await arrivals.record(row, null);
      return "again";
    }
    const waitMs = row.due_at - now().getTime();
    if (waitMs > 0 && !isLeftBehind(row) && !isOverdue(row, waitMs)) return { afterMs: waitMs };
    if (row.via === "inline" && (await mustHaveArrived(row))) {
      await arrivals.record(row, "no redelivery tells otherwise");
      return "again";
    }
    const leftMs = (row.lease_until ?? 0) - now().getTime();
    if (row.owner !== owner && leftMs > 0) return { afterMs: leftMs };
    // Before it is taken: that its key cannot be had for now is not held against it.
    const opened = await open(row);
    const { fingerprint } = opened;
    // Counted before the call, durably: after a crash or a power loss in the middle, the next try knows
    // that it is not the first.
    const term = leaseTerm();
    const earlier = { earlierOwner: row.owner, earlierAttempts: row.attempts };
    const taken = await store.write(scope, (transaction) =>
      transaction.run(takePart, { ...keyOf(row), ...earlier, owner, fingerprint }),
    );
    const outcome = taken === 0 ? undefined : await send(row, opened, term);
    if (outcome === undefined) return { afterMs: RACE_MS };
    await settle(row, outcome);
    return "again";
  };

  /** It travelled in a response of a process that is gone: nobody will tell what became of it. */
  const isLeftBehind = (row: PendingPart): boolean =>
    isAlone && row.via === "inline" && row.created_at < startedAt;

  /** The clock was set back since it was put off; what an open response may be carrying is left to that. */
  const isOverdue = (row: PendingPart, waitMs: number): boolean =>
    waitMs > LONGEST_PAUSE_MS && (row.via === "send" || isKnownBroken(row));

  const isKnownBroken = (row: PendingPart): boolean =>
    row.reason !== null || broken.has(row.inbox_id);

  /** Nobody said that the response broke off, and somebody was there for the platform's retries. */
  const mustHaveArrived = async (row: PendingPart): Promise<boolean> => {
    if (isKnownBroken(row)) return false;
    if (isAlone) return startedAt <= row.created_at + SHORT_CRASH_MS;
    return laterTries.wouldBeKnown(row);
  };

  /** Where the platform takes identical texts as they come, they need not be told apart. */
  const takesRepeats = (channel: string): boolean => adapters.get(channel)?.takesRepeats === true;

  const fingerprinted = async (channel: string, tenantId: string, content: PartContent) =>
    takesRepeats(channel)
      ? NO_FINGERPRINT
      : fingerprintOf(await cipher.of(tenantScope(tenantId)), content);

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
      return { content, fingerprint: await fingerprinted(row.channel, row.tenant_id, content) };
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      return { refused: cause.message, fingerprint: row.fingerprint };
    }
  };

  /** Nothing when another process may be sending it by now. */
  const send = async (
    row: SentPart,
    opened: Opened,
    term: number,
  ): Promise<SendOutcome | undefined> => {
    const adapter = adapters.get(row.channel);
    if ("refused" in opened) return { kind: "refused", reason: opened.refused };
    if (!adapter) return { kind: "refused", reason: `channel ${row.channel} is switched off` };
    try {
      const part: OutboundPart = {
        id: partId(row),
        ...opened.content,
        attempt: row.attempts + 1,
        isRepeat: adapter.takesRepeats !== true && (await isRepeat(row, opened.fingerprint)),
      };
      if (row.unsure === 1) {
        const found = await adapter.reconcile(part, signal);
        if (found.kind !== "send") return found;
      }
      // The last thing before the call: we may have been suspended at any moment since it was taken,
      // and the lease be renewed since.
      if (!holdsLease() || leaseTerm() !== term) return undefined;
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

  const isRepeat = async (row: PartName, fingerprint: Uint8Array): Promise<boolean> => {
    const since = now().getTime() - REPEAT_WINDOW_MS;
    const twin = await store.read(tenantScope(row.tenant_id), (transaction) =>
      transaction.first(earlierTwin, { ...keyOf(row), fingerprint, since }),
    );
    return twin !== undefined;
  };

  const settle = async (row: SentPart, outcome: SendOutcome): Promise<void> => {
    const attempt = row.attempts + 1;
    counters.sends[outcome.kind]++;
    metrics.sendEnded({ tenantId: row.tenant_id }, row.channel, outcome.kind, attempt);
    if (attempt > 1) counters.retries++;
    const fields = { lane: row.lane, inbox: row.inbox_id, part: row.part, attempt };
    if (outcome.kind === "delivered") return arrivals.record(row, null);
    const scope = tenantScope(row.tenant_id);
    const { reason } = outcome;
    const isOld = now().getTime() - row.created_at > GIVE_UP_AFTER_MS;
    const isHopeless = outcome.kind === "refused" || (isOld && attempt >= FEWEST_TRIES);
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
    const askedMs = outcome.kind === "retry" ? Math.min(outcome.afterMs, LONGEST_PAUSE_MS) : 0;
    const waitMs = Math.max(askedMs, pause);
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
    storeAndSend,
    keep: (lane, part) => (part ? kept.keep(lane, part) : kept.forget(lane)),

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
