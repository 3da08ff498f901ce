import type { Person } from "../memory/person.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { personBuckets } from "./person-rows.ts";

/** How fast a person has written lately. */
export interface PersonBucket {
  readonly key: string;
  /** When they could send as many messages at once again as they may. */
  readonly fullAt: Date;
}

/** What is stored of how fast a person writes, however their id is spelt there. */
export const bucketsOf = async (
  store: Store,
  scope: TenantScope,
  person: Person,
): Promise<readonly PersonBucket[]> => {
  const { tenantId } = scope;
  const rows = await store.read(scope, (transaction) =>
    transaction.all(personBuckets, { tenantId }),
  );
  const theirs = keyOf(person).toLowerCase();
  return rows.flatMap(({ key, full_at }) =>
    key.toLowerCase() === theirs ? [{ key, fullAt: new Date(Math.ceil(full_at / 1000)) }] : [],
  );
};

// As the stage of rate limits names a sender.
const keyOf = ({ channel, workspaceId, senderId }: Person): string =>
  `user/${JSON.stringify([channel, workspaceId, senderId])}`;
