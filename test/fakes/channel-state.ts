import type { ChannelState } from "../../core/contract/channel-state.ts";

/** A channel's memory that forgets everything with the test; time does not pass in it. */
export const memoryState = (): ChannelState => {
  const entries = new Map<string, { readonly value: string; readonly version: number }>();
  let version = 0;
  const set = (key: string, value: string) => void entries.set(key, { value, version: ++version });
  return {
    get: async (key) => entries.get(key),
    put: async (key, value) => set(key, value),
    putIfAbsent: async (key, value) => {
      if (entries.has(key)) return false;
      set(key, value);
      return true;
    },
    replace: async (key, expected, value, ttlMs) => {
      if (entries.get(key)?.version !== expected) return false;
      if (ttlMs > 0) set(key, value);
      else entries.delete(key);
      return true;
    },
    forget: async (key) => void entries.delete(key),
    keys: async (prefix) => [...entries.keys()].filter((key) => key.startsWith(prefix)).sort(),
  };
};
