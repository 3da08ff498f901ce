import { SealError } from "../keys/errors.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { openMessage } from "./inbox-row.ts";
import { storedById } from "./inbox-rows.ts";
import type { PendingPart } from "./outbox-rows.ts";
import { listenedDuring } from "./process-lease.ts";

/** What it tells that a platform did not try again to deliver the message of a reply. */
export interface LaterTries {
  /** Whether somebody was there for such a try: its absence says that the response arrived. */
  wouldBeKnown(row: PendingPart): Promise<boolean>;
}

// A platform that got no complete response tries three times in all, about 5 s apart, which under
// load are up to 8 s: https://developer.work.weixin.qq.com/document/path/90930. So these are the
// stretches, behind the reply, in which the second and the third try fall for certain.
const LATER_TRIES = [
  { fromMs: 3_500, toMs: 8_500 },
  { fromMs: 8_500, toMs: 16_500 },
];
// A reply that is later than this travelled in the response to a later try itself: it may have been
// the last one.
const FIRST_TRY_MS = 4_000;

export const createLaterTries = ({
  store,
  cipher,
}: {
  readonly store: Store;
  readonly cipher: ContentCipher;
}): LaterTries => {
  /** Whether its response was the one to the platform's first try. */
  const wasFirst = async (row: PendingPart): Promise<boolean> => {
    const scope = tenantScope(row.tenant_id);
    const stored = await store.read("intake", (transaction) =>
      transaction.first(storedById, { tenantId: row.tenant_id, id: row.inbox_id }),
    );
    if (!stored) return false;
    try {
      const { sentAt } = await openMessage(cipher, scope, stored);
      return row.created_at - sentAt.getTime() < FIRST_TRY_MS;
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      return false; // erased, or changed in the store
    }
  };

  return {
    wouldBeKnown: async (row) => {
      if (!(await wasFirst(row))) return false;
      for (const { fromMs, toMs } of LATER_TRIES) {
        const stretch = { from: row.created_at + fromMs, to: row.created_at + toMs };
        const listener = await store.read(tenantScope(row.tenant_id), (transaction) =>
          transaction.first(listenedDuring, stretch),
        );
        if (listener) return true;
      }
      return false;
    },
  };
};
