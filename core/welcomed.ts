import {
  type ChannelStateParts,
  createChannelState,
  forgetExpiredState,
} from "./channel-state/channel-state.ts";
import type { InboundMessage } from "./contract/message.ts";
import { personKey } from "./contract/state-key.ts";
import { tenantScope } from "./store/scope.ts";

/** Who was greeted lately, by tenant, for all processes on one store. */
export interface Welcomed {
  /** True for the first time within a day; from then on it is on record. Rejects when the store is away. */
  markToday(
    tenantId: string,
    message: Pick<InboundMessage, "channel" | "workspaceId" | "sender" | "target">,
  ): Promise<boolean>;
}

const DAY_MS = 24 * 60 * 60_000;
const TIDY_EVERY_MS = 60 * 60_000;

export const createWelcomed = (parts: ChannelStateParts): Welcomed => {
  const tidiedAt = new Map<string, number>();
  const tidy = async (tenantId: string): Promise<void> => {
    const time = parts.now().getTime();
    if (time - (tidiedAt.get(tenantId) ?? 0) < TIDY_EVERY_MS) return;
    tidiedAt.set(tenantId, time);
    await forgetExpiredState(parts.store, parts.now(), tenantScope(tenantId));
  };
  return {
    markToday: async (tenantId, { channel, workspaceId, sender, target }) => {
      await tidy(tenantId);
      const state = createChannelState(channel, parts, tenantScope(tenantId));
      const key = personKey(workspaceId, sender.id, "welcomed", target.appId);
      return state.putIfAbsent(key, "", DAY_MS);
    },
  };
};
