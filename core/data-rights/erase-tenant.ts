import { randomUUID } from "node:crypto";
import { personOf } from "../memory/person.ts";
import { eraseTokensOf } from "../memory/rows.ts";
import { allowed } from "../operators/operator.ts";
import { PLATFORM_SCOPE, type TenantScope } from "../store/scope.ts";
import type { Statement } from "../store/statement.ts";
import type { Store } from "../store/store.ts";
import { begun, chainEnd, type Erased, type EraseParts, SANDBOX_FILES } from "./erase-person.ts";
import { storedMessages } from "./person-messages.ts";
import {
  destroyKeys,
  eraseAllConsents,
  eraseAllReviews,
  eraseApiKeys,
  eraseBuckets,
  eraseChannelState,
  eraseCosts,
  eraseExchanges,
  eraseFolding,
  eraseInbox,
  inboxAfter,
  oldestExchanges,
} from "./tenant-rows.ts";
import { createTraces } from "./traces.ts";

const AT_A_TIME = 200;

/**
 * Erases a tenant: its data keys first, and with them every word of it at once; then all of its rows
 * but the audit log, in which nobody's name can be read any more. Can be done again where it broke off.
 * The tenant must be out of the settings, or a running gateway goes on storing under the keys it has.
 */
export const eraseTenant = async (
  { store, cipher, auditLog, holds, now }: Omit<EraseParts, "memory">,
  who: string,
  scope: TenantScope,
): Promise<Erased> => {
  const { tenantId } = scope;
  const about = {
    scope,
    traceId: randomUUID(),
    action: "memory.erase",
    subject: "tenant",
  } as const;
  if (await holds.isAnyHeld(scope)) {
    const refused = { decision: "refused", code: "LEGAL_HOLD" } as const;
    await auditLog.record({ ...allowed({ who }, now(), about), ...refused });
    return { kind: "held" };
  }
  await auditLog.record(begun(who, now(), about));
  // What channels keep for the time being is the platform's: only messages that open say where.
  const traces = createTraces();
  for await (const { id, message } of storedMessages({ store, cipher }, scope)) {
    traces.addPerson(personOf(message));
    traces.addMessage(id, message.target);
  }
  const traced = await traces.erase(store, PLATFORM_SCOPE);
  const erase = (statement: Statement<{ tenantId: string }, unknown>): Promise<number> =>
    store.write(scope, (transaction) => transaction.run(statement, { tenantId }));

  const erased = {
    data_keys: await erase(destroyKeys),
    api_keys: await erase(eraseApiKeys),
    messages: await eraseMessages(store, scope),
    exchanges: await eraseMemory(store, scope),
    held: await erase(eraseAllReviews),
    consents: await erase(eraseAllConsents),
    caches: traced + (await erase(eraseChannelState)),
    costs: await erase(eraseCosts),
    rate_limits: await erase(eraseBuckets),
  };
  await auditLog.record(allowed({ who }, now(), { ...about, detail: erased }));
  await store.forget();
  return {
    kind: "erased",
    erasure: {
      kind: "erasure",
      tenant: tenantId,
      person: null,
      erased,
      at: now().toISOString(),
      kept: [
        "audit records: what names people in them cannot be read without the keys",
        SANDBOX_FILES,
      ],
      audit: await chainEnd(store, scope),
    },
  };
};

const eraseMessages = async (store: Store, scope: TenantScope): Promise<number> => {
  const { tenantId } = scope;
  for (let after = 0, total = 0; ; ) {
    const rows = await store.read(scope, (transaction) =>
      transaction.all(inboxAfter, { tenantId, after, limit: AT_A_TIME }),
    );
    const upTo = rows.at(-1)?.id;
    if (upTo === undefined) return total;
    const stretch = { tenantId, after, upTo };
    total += await store.write(scope, (transaction) => transaction.run(eraseInbox, stretch));
    after = upTo;
  }
};

const eraseMemory = async (store: Store, scope: TenantScope): Promise<number> => {
  const { tenantId } = scope;
  for (let total = 0; ; ) {
    const rows = await store.read(scope, (transaction) =>
      transaction.all(oldestExchanges, { tenantId, limit: AT_A_TIME }),
    );
    const upTo = rows.at(-1)?.id;
    if (upTo === undefined) {
      await store.write(scope, (transaction) => transaction.run(eraseFolding, { tenantId }));
      return total;
    }
    total += await store.write(scope, async (transaction) => {
      const count = await transaction.run(eraseExchanges, { tenantId, upTo });
      for (const { id } of rows) await transaction.run(eraseTokensOf, { tenantId, id });
      return count;
    });
  }
};
