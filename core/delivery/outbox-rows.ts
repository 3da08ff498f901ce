import { createHash } from "node:crypto";
import type { Selectable, Transaction } from "kysely";
import type { ReplyTarget } from "../contract/message.ts";
import type { OutboxTable, Tables } from "../store/schema.ts";
import type { Store } from "../store/store.ts";

/** A row of the outbox. */
export type PendingPart = Selectable<OutboxTable>;

/** The part that has to go next in a lane. */
export const firstPending = (store: Store, lane: string) =>
  store.db
    .selectFrom("outbox")
    .selectAll()
    .where("lane", "=", lane)
    .where("state", "=", "pending")
    .orderBy("inbox_id")
    .orderBy("part")
    .limit(1)
    .executeTakeFirst();

/** Whether anything of a lane is still on its way. */
export const hasPending = async (
  transaction: Transaction<Tables>,
  lane: string,
): Promise<boolean> => {
  const row = await transaction
    .selectFrom("outbox")
    .select("part")
    .where("lane", "=", lane)
    .where("state", "=", "pending")
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
};

/** An update of one part, unless it is no longer pending. */
export const at = (
  transaction: Transaction<Tables>,
  row: { readonly inbox_id: number; readonly part: number },
) =>
  transaction
    .updateTable("outbox")
    .where("inbox_id", "=", row.inbox_id)
    .where("part", "=", row.part)
    .where("state", "=", "pending");

/** A reply that lost a part is over: a gap in the middle would mislead. */
export const bury = (
  transaction: Transaction<Tables>,
  row: { readonly inbox_id: number },
  reason: string,
) =>
  transaction
    .updateTable("outbox")
    .set({ state: "dead", reason })
    .where("inbox_id", "=", row.inbox_id)
    .where("state", "=", "pending")
    .execute();

/** Whether an identical text was tried to be sent to the same person since then. */
export const wasSentBefore = async (
  store: Store,
  row: PendingPart,
  since: number,
): Promise<boolean> => {
  const earlier = await store.db
    .selectFrom("outbox")
    .select("part")
    .where("fingerprint", "=", row.fingerprint)
    .where("created_at", ">", since)
    .where("attempts", ">", 0)
    .where((eb) => eb.or([eb("inbox_id", "!=", row.inbox_id), eb("part", "!=", row.part)]))
    .limit(1)
    .executeTakeFirst();
  return earlier !== undefined;
};

/** The same for the same text to the same person. */
export const fingerprintOf = (target: ReplyTarget, body: string): string =>
  createHash("sha256")
    .update(
      JSON.stringify([target.channel, target.workspaceId, target.appId, target.address, body]),
    )
    .digest("hex");
