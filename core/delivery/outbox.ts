import type { ChannelAdapter } from "../contract/channel.ts";
import type { Log } from "../contract/log.ts";
import type { Metrics } from "../contract/metrics.ts";
import { trace } from "../contract/trace-points.ts";
import { afterChange } from "../store/after-change.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store, Transaction, Work } from "../store/store.ts";
import { createArrivals } from "./arrivals.ts";
import type { Counters } from "./counters.ts";
import type { InboxEntry } from "./inbox.ts";
import {
  answeredLanes,
  endTurnAnswered,
  endTurnDone,
  endTurnsAnswered,
  endTurnsDone,
} from "./inbox-rows.ts";
import type { KeptPart } from "./kept-parts.ts";
import {
  anyOnItsWay,
  awaitTurnEnd,
  type FirstTry,
  inlinePart,
  insertInline,
  insertPart,
  markBroken,
  type NewPart,
  NOT_TAKEN,
} from "./outbox-rows.ts";
import { contentOf, openContent, sealParts } from "./part-content.ts";
import { type Lane, type LaneSource, placeAfter, type Schedule, type Step } from "./schedule.ts";
import { createSending, type Stored } from "./sending.ts";
import { createTurnEnds } from "./turn-ends.ts";

/** Replies on their way out: stored before they are sent, in order within a lane. */
export interface Outbox {
  /**
   * Ends a message with its reply, in one durable transaction: no reply without its message being
   * done, no message done without its reply stored. `mayInline` = a response is open that can
   * carry it; the answer says whether it shall (never while an earlier reply is still on its way).
   * `isOurs` is false when another process has taken the message over, or it was erased: then nothing
   * was stored.
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
  /**
   * The response was written completely (delivered) or broke off (sent later, unless redelivered).
   * Counts at once; resolves when the store says so too, which may take a moment.
   */
  inlineSettled(reply: InlineRow, isComplete: boolean): Promise<void>;
  /** Sends what is next in a lane. */
  readonly step: Step;
  /** Lanes with replies that are not out yet. */
  readonly lanes: LaneSource;
  /** Writes down at once what is known to have arrived. Never rejects. */
  flush(): Promise<void>;
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
  /** Whether nobody can have taken over what this process works on. Default: always. */
  readonly holdsLease?: () => boolean;
  /** Another number when that was not so in between. Default: always the same. */
  readonly leaseTerm?: () => number;
  readonly adapters: ReadonlyMap<string, ChannelAdapter>;
  /** Wakes lanes; known only once it was built around `step`. */
  readonly schedule: () => Pick<Schedule, "wake" | "begin">;
  readonly now: () => Date;
  readonly random: () => number;
  readonly log: Log;
  /** Aborts sends that are under way when the gateway must go down. */
  readonly signal: AbortSignal;
  /** Default: its own, which nobody reads. */
  readonly counters?: Counters;
  /** Default: nobody counts. */
  readonly metrics?: Metrics;
}

// A platform that got no complete response delivers again within this time, and then the same body
// travels in that response; only after it the reply is sent actively. WeCom: three tries, 5 s apart.
// https://developer.work.weixin.qq.com/document/path/90930
const REDELIVERY_MS = 20_000;
// Long enough for dozens of messages to share two statements, and so short that hardly any is unsure
// after a crash. With others at work it must be at once: their next message of the lane waits for it.
const COLLECT_MS = 10;

export const createOutbox = (options: OutboxOptions): Outbox => {
  const { store, cipher, owner, isAlone, schedule, now, log } = options;
  const endAnswered = createTurnEnds(owner, endTurnAnswered, endTurnsAnswered);
  const endDone = createTurnEnds(owner, endTurnDone, endTurnsDone);
  const arrivals = createArrivals(store, isAlone ? COLLECT_MS : 0);
  const sending = createSending({ ...options, arrivals });

  /** Stores a reply as what it can be: the response's, taken for its first try, or waiting for one. */
  const insertReply = async (
    transaction: Transaction,
    lane: Lane,
    rows: readonly NewPart[],
    { mayInline, first }: { readonly mayInline: boolean; readonly first: FirstTry | undefined },
  ): Promise<Stored> => {
    const [only] = rows;
    if (mayInline && only && rows.length === 1) {
      await arrivals.recordLane(transaction, lane);
      const row = { inlineDueAt: only.createdAt + REDELIVERY_MS, ...only };
      if ((await transaction.run(insertInline, row)) > 0) return "inline";
    }
    const { id, tenantId } = lane;
    const isFirst = first && !(await transaction.first(anyOnItsWay, { tenantId, lane: id }));
    const tried = isFirst ? first : NOT_TAKEN;
    for (const row of rows) await transaction.execute(insertPart, Object.assign({}, row, tried));
    return isFirst ? "taken" : "waiting";
  };

  return {
    step: sending.step,
    flush: arrivals.flush,

    lanes: (after, limit) =>
      store.read("intake", (transaction) =>
        transaction.all(answeredLanes, {
          tenantId: after?.tenantId ?? "",
          lane: placeAfter(after),
          limit,
        }),
      ),

    complete: async (entry, { parts, mayInline, also }) => {
      const { id, scope } = entry;
      const { tenantId } = scope;
      const lane: Lane = { id: entry.lane, tenantId };
      const contents = parts.map((body) => contentOf(entry, body));
      const keys = cipher.of(scope);
      const own = keys instanceof Promise ? await keys : keys;
      const sealed = sealParts(own, entry, contents);
      const createdAt = now().getTime();
      const { channel } = entry.message;
      const rows = sealed.map((content, part) => {
        return { tenantId, inboxId: id, part, lane: lane.id, channel, content, createdAt };
      });
      const storeWith = async (first?: FirstTry): Promise<Stored> => {
        const endTurn = parts.length === 0 ? endDone : endAnswered;
        const work = afterChange(
          endTurn(tenantId),
          id,
          async (transaction, isOurs): Promise<Stored> => {
            if (!isOurs) return "not ours";
            const way = await insertReply(transaction, lane, rows, { mayInline, first });
            const done = also?.(transaction);
            if (done instanceof Promise) await done;
            return way;
          },
        );
        const stored = await store.write(scope, work);
        // Here, since it may be on its way before our caller knows.
        if (stored !== "not ours") trace("reply_stored", entry.message.id, id);
        return stored;
      };
      const [content] = contents;
      const kept: KeptPart | undefined =
        content && contents.length === 1 ? { inboxId: id, channel, content, createdAt } : undefined;
      const stored = await (kept && !mayInline
        ? sending.storeAndSend(lane, kept, storeWith)
        : storeWith());
      if (stored === "waiting" && parts.length > 0) {
        sending.keep(lane, kept);
        schedule().wake(lane);
      }
      return { isOurs: stored !== "not ours", isInline: stored === "inline" };
    },

    inlineBody: async (scope, inboxId) => {
      const row = await store.read(scope, (transaction) =>
        transaction.first(inlinePart, { tenantId: scope.tenantId, inboxId }),
      );
      return row && (await openContent(cipher, scope, inboxId, 0, row.content)).body;
    },

    inlineSettled: async ({ scope, inboxId, lane: laneId }, isComplete) => {
      const { tenantId } = scope;
      const lane: Lane = { id: laneId, tenantId };
      if (isComplete) {
        const recorded = arrivals.recordSoon(inboxId, lane);
        sending.letPass(lane);
        return recorded;
      }
      log.warn({ inbox: inboxId }, "response broke off; waiting for the platform's redelivery");
      const reason = "the response broke off";
      const mark = () =>
        store.note(scope, (transaction) =>
          transaction.run(markBroken, { tenantId, inboxId, reason }),
        );
      await sending.knownBroken(inboxId, async () => {
        if ((await mark()) > 0) return;
        // Where the connection broke during the commit, the server may be at it still.
        await store.note(scope, (transaction) =>
          transaction.first(awaitTurnEnd, { tenantId, inboxId }),
        );
        await mark();
      });
      schedule().wake(lane);
    },
  };
};
