import type { ChannelState } from "../../core/contract/channel-state.ts";
import { keyOf } from "./key-of.ts";

/** What has to be known of answers to commands when an earlier try may have arrived. */
export interface Detours {
  /** Whether nothing but this part was ever to be said by the response URL. Rejects while the state is away. */
  isFirstBy(url: string, partId: string): Promise<boolean>;
  /** Told before a part goes to the direct chat in place of the room. Rejects likewise. */
  begin(partId: string): Promise<void>;
  /** Whether a part may have gone there. Rejects likewise. */
  hasBegun(partId: string): Promise<boolean>;
}

/** As long as a response URL lives. */
const URL_FOR_MS = 30 * 60_000;
/** As long as the part may still be tried to be sent. */
const PART_FOR_MS = 25 * 60 * 60_000;

export const createDetours = (state: ChannelState): Detours => {
  const detourKey = (partId: string): string => `detour/${partId}`;
  return {
    isFirstBy: async (url, partId) => {
      // The address is a secret: its key is a hash.
      const key = `response/${keyOf(url)}`;
      if (await state.putIfAbsent(key, partId, URL_FOR_MS)) return true;
      return (await state.get(key))?.value === partId;
    },
    begin: (partId) => state.put(detourKey(partId), "", PART_FOR_MS),
    hasBegun: async (partId) => (await state.get(detourKey(partId))) !== undefined,
  };
};
