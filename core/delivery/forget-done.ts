import type { Store } from "../store/store.ts";
import { oldest, removeDone } from "./done-rows.ts";

const WINDOW = 1_000;

/**
 * Forgets messages that are done and were received before then, with their replies, but for tenants
 * with a legal hold; how many. In windows of ids from the oldest on, so that nobody waits for it long.
 */
export const forgetDone = async (store: Store, before: Date): Promise<number> => {
  let removed = 0;
  let after = 0;
  for (;;) {
    const rows = await store.read("intake", (transaction) =>
      transaction.all(oldest, { after, limit: WINDOW }),
    );
    const last = rows.at(-1);
    if (!last) return removed;
    const stretch = { after, upTo: last.id, before: before.getTime() };
    if (rows.some((row) => row.state === "done" && row.received_at < stretch.before)) {
      removed += await store.note("intake", (transaction) => transaction.run(removeDone, stretch));
    }
    if (last.received_at >= stretch.before) return removed;
    after = last.id;
  }
};
