import { createHash } from "node:crypto";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { WecomApp } from "./types.ts";

/** An access token and when it is time for the next one, in milliseconds since 1970. */
export interface KeptToken {
  readonly token: string;
  readonly refreshAt: number;
}

/** Where all processes find the access token of one application. Rejects when the store is away. */
export interface SharedToken {
  get(): Promise<KeptToken | undefined>;
  put(kept: KeptToken, ttlMs: number): Promise<void>;
  /** True for one process at a time, which then fetches for all; it has `ttlMs` for it. */
  lock(ttlMs: number): Promise<boolean>;
  unlock(): Promise<void>;
}

interface Stored extends KeptToken {
  /** Of the secret that it was granted for: after a change of it the token is not taken over. */
  readonly secretHash: string;
}

/** The host is part of the key: a test installation may know the same corp and application. */
export const createSharedToken = (app: WecomApp, state: ChannelState): SharedToken => {
  const secretHash = hashOf(app.secret);
  const name = `${hashOf(app.api_base_url)}/${app.corp_id}/${app.agent_id}`;
  const [key, lockKey] = [`token/${name}`, `token-lock/${name}`];
  return {
    get: async () => {
      const found = await state.get(key);
      if (!found) return undefined;
      const stored = JSON.parse(found.value) as Stored;
      return stored.secretHash === secretHash ? stored : undefined;
    },
    put: ({ token, refreshAt }, ttlMs) => {
      const stored: Stored = { token, refreshAt, secretHash };
      return state.put(key, JSON.stringify(stored), ttlMs);
    },
    lock: (ttlMs) => state.putIfAbsent(lockKey, "", ttlMs),
    unlock: () => state.forget(lockKey),
  };
};

const hashOf = (text: string): string =>
  createHash("sha256").update(text).digest("base64url").slice(0, 22);
