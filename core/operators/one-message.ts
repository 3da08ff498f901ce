import type { Answer, Transaction } from "../store/store.ts";
import {
  anyPartPending,
  dropMessage,
  dropParts,
  type MessageRow,
  messageById,
  type OpenState,
} from "./queue-rows.ts";

const BY_ID = { tenant: messageById("tenant"), all: messageById("all") };

/** A message by its number, in any state; where `tenantId` is given, one of that tenant only. */
export const findMessage = (
  transaction: Transaction,
  tenantId: string | undefined,
  id: number,
): Answer<MessageRow | undefined> =>
  transaction.first(BY_ID[tenantId === undefined ? "all" : "tenant"], {
    tenantId: tenantId ?? "",
    id,
  });

/**
 * Gives up a message that is not done, and what is left of its reply. False when a process works on
 * it or sends a part of it: then the transaction must be undone.
 */
export const giveUp = async (
  transaction: Transaction,
  { id, tenant_id: tenantId }: MessageRow,
  state: OpenState,
  now: Date,
  reason: string,
): Promise<boolean> => {
  const given = { tenantId, id, now: now.getTime(), reason };
  await transaction.run(dropParts, given);
  const isSending = (await transaction.first(anyPartPending, given)) !== undefined;
  return !isSending && (await transaction.run(dropMessage, { ...given, state })) > 0;
};
