import { randomInt } from "node:crypto";
import type { ChannelState } from "../contract/channel-state.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { PLATFORM_SCOPE, type TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import {
  deleteExpired,
  deleteRow,
  keysBetween,
  putRow,
  putRowIfAbsent,
  replaceRow,
  rowAt,
} from "./rows.ts";

export interface ChannelStateParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly now: () => Date;
}

/**
 * What the channel of this name remembers; the name is its key under `channels` in the settings.
 * @param scope whose it is; by default no tenant's
 */
export const createChannelState = (
  channel: string,
  { store, cipher, now }: ChannelStateParts,
  scope: TenantScope = PLATFORM_SCOPE,
): ChannelState => {
  const { tenantId } = scope;
  const placeOf = (key: string) => ({ tenantId, channel, key });
  const sealPlace = (key: string) => `channel_state/${channel}/${key}`;
  const rowOf = async (key: string, value: string, ttlMs: number) => ({
    ...placeOf(key),
    value: (await cipher.of(scope)).seal(sealPlace(key), value),
    // Drawn anew, so that a value that was forgotten and put again is not taken for the old one.
    version: randomInt(2 ** 47),
    expiresAt: now().getTime() + ttlMs,
    now: now().getTime(),
  });
  return {
    async get(key) {
      const found = await store.read(scope, (transaction) =>
        transaction.first(rowAt, { ...placeOf(key), now: now().getTime() }),
      );
      if (found === undefined) return undefined;
      const value = await cipher.open(scope, sealPlace(key), found.value);
      return { value: value.toString(), version: Number(found.version) };
    },
    async put(key, value, ttlMs) {
      const row = await rowOf(key, value, ttlMs);
      await store.write(scope, (transaction) => transaction.run(putRow, row));
    },
    async putIfAbsent(key, value, ttlMs) {
      const row = await rowOf(key, value, ttlMs);
      return (await store.write(scope, (transaction) => transaction.run(putRowIfAbsent, row))) > 0;
    },
    async replace(key, version, value, ttlMs) {
      const row = { ...(await rowOf(key, value, ttlMs)), expected: version };
      return (await store.write(scope, (transaction) => transaction.run(replaceRow, row))) > 0;
    },
    async forget(key) {
      await store.write(scope, (transaction) => transaction.run(deleteRow, placeOf(key)));
    },
    async keys(prefix) {
      const args = { tenantId, channel, from: prefix, to: `${prefix}\u{10ffff}` };
      const rows = await store.read(scope, (transaction) =>
        transaction.all(keysBetween, { ...args, now: now().getTime() }),
      );
      return rows.map(({ key }) => key);
    },
  };
};

/** Removes what every channel's time for is over; by default what is no tenant's. */
export const forgetExpiredState = async (
  store: Store,
  now: Date,
  scope: TenantScope = PLATFORM_SCOPE,
): Promise<void> => {
  const { tenantId } = scope;
  await store.note(scope, (transaction) =>
    transaction.run(deleteExpired, { tenantId, now: now.getTime() }),
  );
};
