import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import { pause } from "../pause.ts";
import type { FoundGateway } from "./gateway-info.ts";
import type { Owner } from "./owner.ts";
import { CHANNEL } from "./target.ts";

/** All shards of the bot; each is held by one replica. */
export interface Shards {
  start(): void;
  stop(): Promise<void>;
  /** How many this replica holds. */
  held(): number;
  /** What is wrong with those that this replica should be connected on. */
  fault(): string | undefined;
}

export interface ShardsOptions {
  /** Undefined: as many as Discord recommends. */
  readonly count: number | undefined;
  readonly find: (signal: AbortSignal) => Promise<FoundGateway>;
  readonly createOwner: (shard: { readonly id: number; readonly count: number }) => Owner;
  readonly retryMs: number;
  readonly log: Log;
}

export const createShards = (options: ShardsOptions): Shards => {
  const { find, createOwner, retryMs, log } = options;
  const stopping = new AbortController();
  let owners: readonly Owner[] = [];
  let running: Promise<void> = Promise.resolve();
  let trouble: string | undefined = "connecting to Discord's gateway";

  const count = async (): Promise<number> => {
    while (options.count === undefined && !stopping.signal.aborted) {
      const found = await find(stopping.signal);
      if (found.kind === "found") return found.info.shards;
      trouble = found.reason;
      log.warn({ channel: CHANNEL, reason: found.reason }, "gateway not found; trying again");
      await pause(retryMs, stopping.signal);
    }
    return options.count ?? 0;
  };

  const begin = async (): Promise<void> => {
    const total = await count();
    if (stopping.signal.aborted) return;
    owners = Array.from({ length: total }, (_, id) => createOwner({ id, count: total }));
    trouble = undefined;
    for (const owner of owners) owner.start();
  };

  return {
    start: () => {
      running = begin();
    },
    stop: async () => {
      stopping.abort();
      await running;
      await Promise.all(owners.map((owner) => owner.stop()));
    },
    held: () => owners.filter((owner) => owner.isOwner()).length,
    fault: () =>
      trouble ?? owners.map((owner) => owner.fault()).find((reason) => reason !== undefined),
  };
};

/**
 * Which shard tells of a guild; direct chats are told of by the first.
 * @see https://discord.com/developers/docs/topics/gateway#sharding-sharding-formula
 */
export const shardOf = (guildId: string | undefined, count: number): number =>
  guildId === undefined ? 0 : Number((BigInt(guildId) >> 22n) % BigInt(count));

const EVERY_MS = 5_000;
const LOOK_AGAIN_MS = 500;

/**
 * Waits until a shard may log in: so many at once in five seconds, over all replicas. Rejects when the
 * signal aborts.
 * @see https://discord.com/developers/docs/topics/gateway#rate-limiting
 */
export const takeTurnToIdentify = async (
  turn: { readonly shardId: number; readonly maxConcurrency: number },
  state: ChannelState,
  signal: AbortSignal,
): Promise<void> => {
  const key = `identify/${turn.shardId % turn.maxConcurrency}`;
  for (;;) {
    signal.throwIfAborted();
    // A store that is away is no reason to log in more often than is allowed.
    const isOurs = await state.putIfAbsent(key, "", EVERY_MS).catch(() => false);
    signal.throwIfAborted();
    if (isOurs) return;
    await pause(LOOK_AGAIN_MS, signal);
  }
};
