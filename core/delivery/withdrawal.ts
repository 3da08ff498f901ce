import type { InboundMessage } from "../contract/message.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { WITHDRAWN } from "./inbox-rows.ts";
import { isEditOf, isFromReviewer, saidIdOf } from "./said-id.ts";
import type { Lane } from "./schedule.ts";
import {
  insertWithdrawn,
  noteWithdrawn,
  pendingInLane,
  storedUnder,
  withdrawMessage,
} from "./withdrawal-rows.ts";

/** Names what a person said: the id of an edit begins with its message's, and `/edit/` behind it. */
export interface Said {
  readonly channel: string;
  readonly messageId: string;
  readonly senderId: string;
}

/** What taking a message back came to. */
export interface Withdrawn {
  /** Those that waited or were in work. */
  readonly ids: readonly number[];
  /** The message has not come yet: when it does, it counts as a redelivery. */
  readonly isAhead: boolean;
}

/** How the inbox learns that a person took back what they said. */
export const createWithdrawal = ({
  store,
  openIntact,
  now,
}: {
  readonly store: Store;
  readonly openIntact: (scope: TenantScope, row: StoredRow) => Promise<InboundMessage | undefined>;
  readonly now: () => Date;
}) => {
  /** What waits or is in work of it, marked. */
  const withdrawPending = async (
    { tenantId, id: lane }: Lane,
    { channel, messageId, senderId }: Said,
  ): Promise<readonly number[]> => {
    const rows = await store.read("intake", (transaction) =>
      transaction.all(pendingInLane, { tenantId, lane }),
    );
    const ids: number[] = [];
    for (const row of rows) {
      if (row.channel !== channel || !mayBe(row.key, messageId)) continue;
      const message = await openIntact(tenantScope(tenantId), row);
      if (message?.sender.id !== senderId || saidIdOf(message) !== messageId) continue;
      const marked = await store.note("intake", (transaction) =>
        transaction.run(withdrawMessage, { tenantId, id: row.id }),
      );
      if (marked > 0) ids.push(row.id);
    }
    return ids;
  };

  /** That it was taken back, where it is answered already. */
  const noteAnswered = async (
    { tenantId, id: lane }: Lane,
    { channel, messageId, senderId }: Said,
  ): Promise<void> => {
    const row = await store.read("intake", (transaction) =>
      transaction.first(storedUnder, { channel, key: messageId }),
    );
    if (row?.tenant_id !== tenantId || row.lane !== lane || row.reason === WITHDRAWN) return;
    const message = await openIntact(tenantScope(tenantId), row);
    if (message?.sender.id !== senderId) return;
    await store.note("intake", (transaction) =>
      transaction.run(noteWithdrawn, { tenantId, id: row.id }),
    );
  };

  return {
    withdraw: async (conversation: Lane, said: Said): Promise<Withdrawn> => {
      const { tenantId } = conversation;
      const { channel, messageId: key } = said;
      // First, so that the message comes either before this, and is found, or not at all.
      const place = await store.note("intake", (transaction) =>
        transaction.insert(insertWithdrawn, {
          channel,
          key,
          tenantId,
          receivedAt: now().getTime(),
        }),
      );
      // Before what waits is looked for, since an edit may come that moment: it is found, or it finds this.
      if (place === undefined) await noteAnswered(conversation, said);
      const ids = await withdrawPending(conversation, said);
      // And after it: what was answered in between no longer waited.
      if (place === undefined) await noteAnswered(conversation, said);
      return { ids, isAhead: place !== undefined };
    },

    /** Whether a message is said in place of one that was taken back. */
    isTakenBack: async (message: InboundMessage): Promise<boolean> => {
      const key = saidIdOf(message);
      if (key === message.id) return false;
      const { channel } = message;
      const row = await store.read("intake", (transaction) =>
        transaction.first(storedUnder, { channel, key }),
      );
      return row?.reason === WITHDRAWN;
    },
  };
};

interface StoredRow {
  readonly id: number;
  readonly channel: string;
  readonly key: string;
  readonly message: Uint8Array;
}

/** Whether a key can be that of a message, of its edit, or of what comes back from a reviewer. */
const mayBe = (key: string, messageId: string): boolean =>
  key === messageId || isEditOf(key, messageId) || isFromReviewer(key);
