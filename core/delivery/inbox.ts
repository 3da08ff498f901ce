import type { Log } from "../contract/log.ts";
import type { InboundMessage } from "../contract/message.ts";
import { SealError } from "../keys/errors.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store, Work } from "../store/store.ts";
import { type Counters, createCounters } from "./counters.ts";
import { forgetDone } from "./forget-done.ts";
import { createFreshEntries } from "./fresh-entries.ts";
import { inboxRow, openMessage, sealMessage } from "./inbox-row.ts";
import {
  anyInLane,
  byKey,
  endTurnDead,
  insertMessage,
  insertTaken,
  moveMessage,
  nextInLane,
  pendingLanes,
  releaseMessage,
  requestStop,
  stopRequests,
  takeMessage,
  WITHDRAWN,
} from "./inbox-rows.ts";
import { saidIdOf } from "./said-id.ts";
import { type Lane, type LaneSource, placeAfter } from "./schedule.ts";
import type { Suspects } from "./suspects.ts";
import { createWithdrawal, type Said, type Withdrawn } from "./withdrawal.ts";

/** Accepted messages. The table is the truth about pending work. */
export interface Inbox {
  /**
   * Stores a message once per (channel, id), durably: afterwards it may be acknowledged.
   * @param scope whose it is, as far as known by now
   */
  accept(message: InboundMessage, scope: TenantScope): Promise<Accepted>;
  /** What was accepted before under this message's (channel, id). */
  find(message: InboundMessage): Promise<Accepted | undefined>;
  /**
   * Takes the oldest pending message of a lane, unless a living process has it.
   * @param suspects asked right before, with which attempt it would be: as which it is to be written
   *   down for those who come after a death, or whether it is left for later; default: none is
   */
  claim(lane: Lane, suspects?: Admission): Promise<Claim>;
  /** Something was stored in this lane past `accept`; to be told before the lane is woken. */
  noteOther(lane: Lane): void;
  /** Hands a claimed message back that got no reply, although this process lives. */
  giveBack(entry: InboxEntry): Promise<void>;
  /** Hands a claimed message on to the tenant that its turn found, to be begun in that tenant's lane. */
  move(entry: InboxEntry, scope: TenantScope): Promise<void>;
  /**
   * Gives a claimed message up that cannot be answered, with what is stored then; it can be replayed.
   * False when it is no longer ours: then nothing was stored.
   */
  bury(entry: InboxEntry, reason: string, also?: Work<void>): Promise<boolean>;
  /** Asks whoever works on this lane to end the running turn; the id of its message, none when nobody does. */
  requestStop(lane: Lane): Promise<readonly number[]>;
  /**
   * Its sender takes a message back: it, its edits and what of it comes back from a reviewer is to be
   * answered no more in this lane, whether it waits, is in work or comes later.
   */
  withdraw(lane: Lane, said: Said): Promise<Withdrawn>;
  /** Ids of messages that this process works on and that somebody asked to stop. */
  stopRequests(): Promise<ReadonlySet<number>>;
  /** Whether anything waits in a lane. */
  hasPending(lane: Lane): Promise<boolean>;
  /** Lanes with pending messages. */
  readonly pendingLanes: LaneSource;
  /** Forgets what is done and older than `before`; how many. */
  prune(before: Date): Promise<number>;
}

/** What became of a message that a channel handed in. */
export interface Accepted {
  readonly id: number;
  readonly isNew: boolean;
  readonly scope: TenantScope;
}

export interface InboxEntry {
  readonly id: number;
  readonly lane: string;
  readonly scope: TenantScope;
  readonly message: InboundMessage;
  /** 1 for the first try; more when a process died before the reply was stored. */
  readonly attempt: number;
  readonly receivedAt: Date;
  /** Its turn is to end before it begins: its sender has taken it back, or it was stopped elsewhere. Default false. */
  readonly isStopped?: boolean;
}

export type Claim =
  | {
      readonly kind: "entry";
      readonly entry: InboxEntry;
      /** Nothing waited behind it when it was taken: whatever has come since has woken its lane. */
      readonly isOnly: boolean;
    }
  | { readonly kind: "idle" }
  /** Not to be had at the moment, another process may work on it: look again then. */
  | { readonly kind: "taken"; readonly afterMs: number };

type Admission = Pick<Suspects, "admit" | "lookAgainMs">;

export interface InboxOptions {
  readonly store: Store;
  readonly cipher: ContentCipher;
  /** Id of this process's lease. */
  readonly owner: string;
  /** What comes in here is worked on here: on an embedded store the first of a lane is taken with its storing. */
  readonly takesAtOnce?: boolean;
  readonly now: () => Date;
  readonly log: Log;
  /** Default: its own, which nobody reads. */
  readonly counters?: Counters;
}

const RACE_MS = 50;
const ANY_TIME: Admission = { admit: (_lane, attempt) => attempt, lookAgainMs: 0 };

export const createInbox = (options: InboxOptions): Inbox => {
  const { store, cipher, owner, now, log, counters = createCounters() } = options;
  // Where writes run side by side, two of them would both find the lane empty, and both begin it.
  const takesAtOnce = options.takesAtOnce === true && store.dialect === "sqlite";
  const fresh = createFreshEntries();

  const find = async ({ channel, id }: InboundMessage): Promise<Accepted | undefined> => {
    const row = await store.read("intake", (transaction) =>
      transaction.first(byKey, { channel, key: id }),
    );
    return row && { id: row.id, isNew: false, scope: tenantScope(row.tenant_id) };
  };

  /** What was stored, or undefined when it is not what was sealed. */
  const openIntact = async (
    scope: TenantScope,
    row: { readonly id: number; channel: string; key: string; message: Uint8Array },
  ): Promise<InboundMessage | undefined> => {
    try {
      return await openMessage(cipher, scope, row);
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      log.error({ err: cause, inbox: row.id, alert: "message_unreadable" }, "message is dead");
      return undefined;
    }
  };

  const withdrawal = createWithdrawal({ store, openIntact, now });

  const bury = async (
    scope: TenantScope,
    id: number,
    reason: string,
    also?: Work<void>,
  ): Promise<boolean> => {
    const { tenantId } = scope;
    const buried = await store.write(scope, async (transaction) => {
      const ours = await transaction.run(endTurnDead, { tenantId, id, owner, reason });
      if (ours > 0) await also?.(transaction);
      return ours;
    });
    counters.deadLetters += buried;
    return buried > 0;
  };

  return {
    find,

    accept: async (message, scope) => {
      const keys = cipher.of(scope);
      const own = keys instanceof Promise ? await keys : keys;
      const row = inboxRow(own, message, now());
      const { lane, tenantId } = row;
      const endStoring = fresh.beginStoring({ tenantId, id: lane });
      let stored: { readonly id: number; readonly isOurs: boolean } | undefined;
      try {
        stored = await store.write("intake", async (transaction) => {
          // An edit may be one of what was taken back: `claim` looks.
          const mayBegin = takesAtOnce && saidIdOf(message) === message.id;
          // Asked beside the insert: within it SQLite copies the row to a table of its own first.
          const isOurs = mayBegin && !(await transaction.first(anyInLane, { tenantId, lane }));
          const id = isOurs
            ? await transaction.insert(insertTaken, { owner, ...row })
            : await transaction.insert(insertMessage, row);
          return id === undefined ? undefined : { id, isOurs };
        });
      } finally {
        // In one go with what follows: in between it would be neither on its way nor kept.
        endStoring();
      }
      if (stored) {
        const { id, isOurs } = stored;
        const receivedAt = new Date(row.receivedAt);
        if (isOurs) fresh.keep({ id, lane, scope, message, attempt: 1, receivedAt });
        // What is kept goes as the only one of its lane; our wake may come before its turn, and be spent.
        else fresh.take({ tenantId, id: lane });
        return { id, isNew: true, scope };
      }
      const known = await find(message);
      if (!known) throw new Error("an accepted message is gone"); // forgotten this very moment
      return known;
    },

    claim: async (lane, suspects = ANY_TIME) => {
      const kept = fresh.take(lane);
      if (kept) return { kind: "entry", entry: kept, isOnly: true };
      const row = await store.read("intake", (transaction) =>
        transaction.first(nextInLane, { tenantId: lane.tenantId, lane: lane.id }),
      );
      if (!row) return { kind: "idle" };
      // Ours and not begun: it is kept, or will be. Begun from here too, it would run twice.
      const keptSince = fresh.take(lane);
      if (keptSince) return { kind: "entry", entry: keptSince, isOnly: true };
      if (row.owner === owner && fresh.isStoring(lane)) return { kind: "taken", afterMs: RACE_MS };
      const leftMs = (row.lease_until ?? 0) - now().getTime();
      if (row.owner !== owner && leftMs > 0) return { kind: "taken", afterMs: leftMs };
      const scope = tenantScope(row.tenant_id);
      // Before it is taken: that its key cannot be had for now is not held against the message.
      const message = await openIntact(scope, row);
      // What is ours already was begun by us and could not be given back; nobody died under it.
      const attempt = row.owner === owner ? row.attempts : row.attempts + 1;
      const attempts = suspects.admit(lane, attempt);
      if (attempts === undefined) return { kind: "taken", afterMs: suspects.lookAgainMs };
      const taken = await store.note("intake", (transaction) =>
        transaction.run(takeMessage, {
          tenantId: row.tenant_id,
          id: row.id,
          owner,
          earlierOwner: row.owner,
          attempts,
          reason: row.reason ?? "",
        }),
      );
      if (taken === 0) return { kind: "taken", afterMs: RACE_MS };
      if (!message) {
        await bury(scope, row.id, "its content was changed in the store");
        return { kind: "taken", afterMs: 0 };
      }
      const receivedAt = new Date(row.received_at);
      const isStopped =
        row.stop === 1 || row.reason === WITHDRAWN || (await withdrawal.isTakenBack(message));
      return {
        kind: "entry",
        isOnly: false,
        entry: { id: row.id, lane: lane.id, scope, message, attempt, receivedAt, isStopped },
      };
    },

    // What is kept would go as the only one of its lane, and the wake for the other one be spent on it.
    noteOther: (lane) => void fresh.take(lane),

    giveBack: async ({ scope: { tenantId }, id, attempt }) => {
      await store.note("intake", (transaction) =>
        transaction.run(releaseMessage, { tenantId, id, owner, attempts: attempt - 1 }),
      );
    },

    move: async (entry, scope) => {
      const message = sealMessage(await cipher.of(scope), entry.message);
      const attempts = entry.attempt - 1;
      const { tenantId } = entry.scope;
      const to = { toTenantId: scope.tenantId, message, attempts };
      await store.note("intake", (transaction) =>
        transaction.run(moveMessage, { tenantId, id: entry.id, owner, ...to }),
      );
      // What is kept there would go as the only one of its lane, and before an older one.
      fresh.take({ tenantId: scope.tenantId, id: entry.lane });
    },

    bury: ({ scope, id }, reason, also) => bury(scope, id, reason, also),

    requestStop: async (lane) => {
      const rows = await store.note("intake", (transaction) =>
        transaction.all(requestStop, { tenantId: lane.tenantId, lane: lane.id }),
      );
      return rows.map((row) => row.id);
    },

    withdraw: withdrawal.withdraw,

    stopRequests: async () => {
      const rows = await store.read("intake", (transaction) =>
        transaction.all(stopRequests, { owner }),
      );
      return new Set(rows.map((row) => row.id));
    },

    hasPending: async ({ tenantId, id }) => {
      const found = await store.read("intake", (transaction) =>
        transaction.first(anyInLane, { tenantId, lane: id }),
      );
      return found !== undefined;
    },

    pendingLanes: (after, limit) =>
      store.read("intake", (transaction) =>
        transaction.all(pendingLanes, {
          tenantId: after?.tenantId ?? "",
          lane: placeAfter(after),
          limit,
        }),
      ),

    prune: (before) => forgetDone(store, before),
  };
};
