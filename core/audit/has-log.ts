import type { TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { wholeHeadOf } from "./audit-rows.ts";

/** Whether a tenant has a log, be it one of earlier settings. */
export const hasLog = async (store: Pick<Store, "read">, scope: TenantScope): Promise<boolean> => {
  const { tenantId } = scope;
  const head = await store.read(scope, (transaction) =>
    transaction.first(wholeHeadOf, { tenant_id: tenantId }),
  );
  return head !== undefined;
};
