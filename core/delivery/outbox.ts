import type { ChannelAdapter, OutboundPart, SendOutcome } from "../contract/channel.ts";
import type { Log } from "../contract/log.ts";
import type { ReplyTarget } from "../contract/message.ts";
import type { Store } from "../store/store.ts";
import { backoffMs } from "./backoff.ts";
import type { InboxEntry } from "./inbox.ts";
import { createKeyedLoops } from "./keyed-loops.ts";
import {
  at,
  bury,
  fingerprintOf,
  firstPending,
  hasPending,
  type PendingPart,
  wasSentBefore,
} from "./outbox-rows.ts";

/** Replies on their way out: stored before they are sent, in order within a lane. */
export interface Outbox {
  /**
   * Ends a message with its reply, in one durable transaction: no reply without its message being
   * done, no message done without its reply stored. `mayInline` = a response is open that can
   * carry it; the answer says whether it shall (never while an earlier reply is still on its way).
   */
  complete(
    entry: InboxEntry,
    reply: {
      readonly tenantId: string;
      readonly parts: readonly string[];
      readonly mayInline: boolean;
    },
  ): Promise<{ readonly isInline: boolean }>;
  /** The body that an earlier response of this message carried, if one did. */
  inlineBody(inboxId: number): Promise<string | undefined>;
  /** The response was written completely (delivered) or broke off (sent later, unless redelivered). */
  inlineSettled(inboxId: number, isComplete: boolean): Promise<void>;
  /** Takes up what an earlier process left; call once, before the first message. */
  resume(): Promise<void>;
  drain(): Promise<void>;
}

export interface OutboxOptions {
  readonly store: Store;
  readonly adapters: ReadonlyMap<string, ChannelAdapter>;
  readonly now: () => Date;
  readonly random: () => number;
  readonly log: Log;
  /** Aborts sends that are under way when the gateway must go down. */
  readonly signal: AbortSignal;
}

// A platform that got no complete response delivers again within this time, and then the same body
// travels in that response; only after it the reply is sent actively. WeCom: three tries, 5 s apart.
// https://developer.work.weixin.qq.com/document/path/90930
const REDELIVERY_MS = 20_000;
// After a crash this short the platform's retries reach the new process: silence means "delivered".
const SHORT_CRASH_MS = 10_000;
const REPEAT_WINDOW_MS = 60 * 60_000;
const GIVE_UP_AFTER_MS = 24 * 60 * 60_000;
const PARALLEL_SENDS = 32;

export const createOutbox = (options: OutboxOptions): Outbox => {
  const { store, adapters, now, random, log, signal } = options;
  // Inline replies whose response was written and whose row does not say so yet, by inbox id.
  const carried = new Set<number>();

  const loops = createKeyedLoops({
    concurrency: PARALLEL_SENDS,
    retryAfterMs: 1_000,
    onError: (lane, cause) => log.error({ err: cause, lane }, "outbox step failed; trying again"),
    step: async (lane) => {
      const row = await firstPending(store, lane);
      if (!row) return "idle";
      if (carried.has(row.inbox_id)) {
        await recordCarried(row.inbox_id);
        return "again";
      }
      const waitMs = row.due_at - now().getTime();
      if (waitMs > 0) return { afterMs: waitMs };
      await settle(row, await send(row));
      return "again";
    },
  });

  const send = async (row: PendingPart): Promise<SendOutcome> => {
    const adapter = adapters.get(row.channel);
    if (!adapter) return { kind: "refused", reason: `channel ${row.channel} is switched off` };
    const attempt = row.attempts + 1;
    // Counted before the call: after a crash in the middle, the next try knows that it is not the first.
    await store.note((transaction) =>
      at(transaction, row).set({ attempts: attempt, via: "send" }).execute(),
    );
    const part: OutboundPart = {
      id: `${row.inbox_id}.${row.part}`,
      target: JSON.parse(Buffer.from(row.target).toString("utf8")) as ReplyTarget,
      body: Buffer.from(row.body).toString("utf8"),
      attempt,
      isRepeat: await wasSentBefore(store, row, now().getTime() - REPEAT_WINDOW_MS),
    };
    try {
      return await adapter.send(part, signal);
    } catch (cause) {
      log.error({ err: cause, part: part.id, alert: "adapter_threw" }, "send ended in a fault");
      return { kind: "unknown", reason: "the adapter failed" };
    }
  };

  const recordCarried = async (inboxId: number): Promise<void> => {
    const row = await store.note((transaction) =>
      transaction
        .updateTable("outbox")
        .set({ state: "delivered" })
        .where("inbox_id", "=", inboxId)
        .where("via", "=", "inline")
        .returning("lane")
        .executeTakeFirst(),
    );
    carried.delete(inboxId);
    // What is behind it in its lane waits for nothing any more.
    if (row) loops.wake(row.lane);
  };

  const settle = async (row: PendingPart, outcome: SendOutcome): Promise<void> => {
    const fields = {
      lane: row.lane,
      inbox: row.inbox_id,
      part: row.part,
      attempt: row.attempts + 1,
    };
    if (outcome.kind === "delivered") {
      await store.note((transaction) => at(transaction, row).set({ state: "delivered" }).execute());
      return;
    }
    const isHopeless =
      outcome.kind === "refused" || now().getTime() - row.created_at > GIVE_UP_AFTER_MS;
    if (isHopeless) {
      log.error(
        { ...fields, reason: outcome.reason, alert: "dead_letter" },
        "reply not deliverable",
      );
      await store.write((transaction) => bury(transaction, row, outcome.reason));
      return;
    }
    const pause = backoffMs(row.attempts + 1, random);
    const waitMs = outcome.kind === "retry" ? Math.max(outcome.afterMs, pause) : pause;
    log.warn(
      { ...fields, outcome: outcome.kind, reason: outcome.reason, waitMs },
      "send again later",
    );
    await store.note((transaction) =>
      at(transaction, row)
        .set({ due_at: now().getTime() + waitMs, reason: outcome.reason })
        .execute(),
    );
  };

  return {
    complete: async (entry, { tenantId, parts, mayInline }) => {
      const isInline = await store.write(async (transaction) => {
        await transaction
          .updateTable("inbox")
          .set({ state: "done" })
          .where("id", "=", entry.id)
          .execute();
        if (parts.length === 0) return false;
        const inline =
          mayInline && parts.length === 1 && !(await hasPending(transaction, entry.lane));
        const time = now().getTime();
        const target = JSON.stringify(entry.message.target);
        for (const [part, body] of parts.entries()) {
          await transaction
            .insertInto("outbox")
            .values({
              inbox_id: entry.id,
              part,
              lane: entry.lane,
              tenant_id: tenantId,
              channel: entry.message.channel,
              target: Buffer.from(target),
              body: Buffer.from(body),
              fingerprint: fingerprintOf(entry.message.target, body),
              via: inline ? "inline" : "send",
              state: "pending",
              due_at: inline ? time + REDELIVERY_MS : time,
              created_at: time,
            })
            .execute();
        }
        return inline;
      });
      if (parts.length > 0) loops.wake(entry.lane);
      return { isInline };
    },

    inlineBody: async (inboxId) => {
      const row = await store.db
        .selectFrom("outbox")
        .select("body")
        .where("inbox_id", "=", inboxId)
        .where("via", "=", "inline")
        .executeTakeFirst();
      return row && Buffer.from(row.body).toString("utf8");
    },

    inlineSettled: async (inboxId, isComplete) => {
      if (!isComplete) {
        log.warn({ inbox: inboxId }, "response broke off; waiting for the platform's redelivery");
        return;
      }
      carried.add(inboxId);
      await recordCarried(inboxId);
    },

    resume: async () => {
      const time = now().getTime();
      await store.write(async (transaction) => {
        const left = transaction
          .updateTable("outbox")
          .where("via", "=", "inline")
          .where("state", "=", "pending");
        await left
          .where("created_at", ">", time - SHORT_CRASH_MS)
          .set({ state: "delivered", reason: "no redelivery tells otherwise" })
          .execute();
        await left.set({ via: "send", due_at: time }).execute();
      });
      const lanes = await store.db
        .selectFrom("outbox")
        .select("lane")
        .distinct()
        .where("state", "=", "pending")
        .execute();
      for (const { lane } of lanes) loops.wake(lane);
    },

    drain: () => loops.drain(),
  };
};
