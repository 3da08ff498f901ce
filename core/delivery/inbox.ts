import type { InboundMessage } from "../contract/message.ts";
import type { Store } from "../store/store.ts";

/** Accepted messages. The table is the truth about pending work. */
export interface Inbox {
  /** Stores a message once per (channel, id), durably: afterwards it may be acknowledged. */
  accept(message: InboundMessage): Promise<{ readonly id: number; readonly isNew: boolean }>;
  /** Begins (or, after a crash, begins again) the oldest pending message of a lane. */
  begin(lane: string): Promise<InboxEntry | undefined>;
  /** Takes a begin back that ended without a reply and without the death of the process. */
  giveBack(entry: InboxEntry): Promise<void>;
  /** Lanes with pending messages, longest waiting first. */
  pendingLanes(): Promise<readonly string[]>;
}

export interface InboxEntry {
  readonly id: number;
  readonly lane: string;
  readonly message: InboundMessage;
  /** 1 for the first try; more when a process died before the reply was stored. */
  readonly attempt: number;
}

/** The lane of a message: what is answered strictly in order. */
export const laneOf = (message: InboundMessage): string =>
  JSON.stringify([message.channel, message.workspaceId, message.conversation.id]);

export const createInbox = (store: Store, now: () => Date): Inbox => ({
  accept: (message) =>
    store.write(async (transaction) => {
      const inserted = await transaction
        .insertInto("inbox")
        .values({
          channel: message.channel,
          key: message.id,
          lane: laneOf(message),
          message: Buffer.from(JSON.stringify(message)),
          state: "pending",
          received_at: now().getTime(),
        })
        .onConflict((conflict) => conflict.columns(["channel", "key"]).doNothing())
        .returning("id")
        .executeTakeFirst();
      if (inserted) return { id: inserted.id, isNew: true };
      const known = await transaction
        .selectFrom("inbox")
        .select("id")
        .where("channel", "=", message.channel)
        .where("key", "=", message.id)
        .executeTakeFirstOrThrow();
      return { id: known.id, isNew: false };
    }),

  begin: (lane) =>
    store.note(async (transaction) => {
      const row = await transaction
        .selectFrom("inbox")
        .select(["id", "message", "attempts"])
        .where("lane", "=", lane)
        .where("state", "=", "pending")
        .orderBy("id")
        .limit(1)
        .executeTakeFirst();
      if (!row) return undefined;
      const attempt = row.attempts + 1;
      await transaction
        .updateTable("inbox")
        .set({ attempts: attempt })
        .where("id", "=", row.id)
        .execute();
      return { id: row.id, lane, message: fromBytes(row.message), attempt };
    }),

  giveBack: async ({ id, attempt }) => {
    await store.note((transaction) =>
      transaction
        .updateTable("inbox")
        .set({ attempts: attempt - 1 })
        .where("id", "=", id)
        .execute(),
    );
  },

  pendingLanes: async () => {
    const rows = await store.db
      .selectFrom("inbox")
      .select("lane")
      .where("state", "=", "pending")
      .groupBy("lane")
      .orderBy((eb) => eb.fn.min("id"))
      .execute();
    return rows.map((row) => row.lane);
  },
});

const fromBytes = (bytes: Uint8Array): InboundMessage => {
  const message = JSON.parse(Buffer.from(bytes).toString("utf8")) as InboundMessage;
  return { ...message, sentAt: new Date(message.sentAt) };
};
