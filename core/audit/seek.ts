import type { TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { recordAt } from "./audit-rows.ts";

/**
 * Number of the first record within [from, to] that was put on record at that time (epoch
 * milliseconds) or later; `to + 1` when none was. A chain's times never go back, so it is found by
 * halving, without an index that every message would have to pay for.
 */
export const firstRecordedSince = async (
  store: Store,
  { tenantId }: TenantScope,
  { from, to }: { readonly from: number; readonly to: number },
  since: number,
): Promise<number> => {
  let [low, high] = [from, to + 1];
  while (low < high) {
    const seq = Math.floor((low + high) / 2);
    const record = await store.read({ tenantId }, (transaction) =>
      transaction.first(recordAt, { tenant_id: tenantId, seq }),
    );
    // One that is not there was removed for its age.
    if (record && record.recorded_at >= since) high = seq;
    else low = seq + 1;
  }
  return low;
};
