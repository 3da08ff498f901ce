import { sql } from "kysely";
import { PLATFORM_SCOPE, tenantScope } from "../store/scope.ts";
import { statement } from "../store/statement.ts";
import type { Store } from "../store/store.ts";
import { KeyError } from "./errors.ts";
import type { KeyManagement } from "./key-management.ts";
import { awaitMade } from "./making.ts";

/** What became of the data keys that an older master key wrapped. */
export interface Rewrapped {
  /** How many the current master key wraps since. */
  readonly count: number;
  /** Why those that are left could not be unwrapped, one sentence each. */
  readonly failures: readonly string[];
}

const wrappedByOthers = statement<{ master: string }>()((db, arg) =>
  db
    .selectFrom("data_keys")
    .select(["tenant_id", "version", "wrapped", "master_id"])
    .where("master_id", "!=", arg("master"))
    // The platform's first: who has an older copy of the master keys cannot open it, and makes none.
    .orderBy(sql`tenant_id <> ${sql.lit(PLATFORM_SCOPE.tenantId)}`)
    .orderBy("tenant_id")
    .orderBy("version"),
);

interface Change {
  tenant: string;
  version: number;
  before: string;
  wrapped: Uint8Array;
  master: string;
}

const replaceWrapping = statement<Change>()((db, arg) =>
  db
    .updateTable("data_keys")
    .set({ wrapped: arg("wrapped"), master_id: arg("master") })
    .where("tenant_id", "=", arg("tenant"))
    .where("version", "=", arg("version"))
    .where("master_id", "=", arg("before")),
);

/**
 * Wraps every data key of the store under the current master key. May be cut off and done again at
 * any time, beside running gateways: every row opens before and after its change.
 */
export const rewrapDataKeys = async (store: Store, keys: KeyManagement): Promise<Rewrapped> => {
  // What is made from now on is wrapped by the master key of this moment, or a later one.
  await store.note(PLATFORM_SCOPE, (transaction) => transaction.first(awaitMade, {}));
  const current = await keys.currentId();
  const left = await store.read("operator", (transaction) =>
    transaction.all(wrappedByOthers, { master: current }),
  );
  const failures: string[] = [];
  let count = 0;
  for (const row of left) {
    const context = { tenantId: row.tenant_id, version: row.version };
    try {
      const raw = await keys.unwrap(context, { wrapped: row.wrapped, masterId: row.master_id });
      const { wrapped, masterId } = await keys.wrap(context, raw);
      raw.fill(0);
      const change: Change = {
        tenant: row.tenant_id,
        version: row.version,
        before: row.master_id,
        wrapped,
        master: masterId,
      };
      await store.write(tenantScope(row.tenant_id), (transaction) =>
        transaction.run(replaceWrapping, change),
      );
      count += 1;
    } catch (cause) {
      // One lost key must not leave the others under the old master key.
      if (!(cause instanceof KeyError)) throw cause;
      failures.push(cause.message);
    }
  }
  return { count, failures };
};
