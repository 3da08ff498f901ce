import type { Receive } from "../../core/contract/channel.ts";
import type { ChannelState, Leases } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import { type ChannelMetrics, NO_CHANNEL_METRICS } from "../../core/contract/metrics.ts";
import { createConversations } from "./conversations.ts";
import { CONNECTION_TIMINGS, type ConnectionTimings, runConnection } from "./gateway-connection.ts";
import { findGateway } from "./gateway-info.ts";
import {
  createGatewayIntake,
  type GatewayIntake,
  INTAKE_TIMINGS,
  type IntakeTimings,
} from "./gateway-intake.ts";
import type { Members } from "./members.ts";
import { createOwner, OWNER_TIMINGS, type OwnerTimings } from "./owner.ts";
import { idIn, idsIn, isPayload, objectIn, type Payload } from "./payload.ts";
import { createPlaces } from "./places.ts";
import type { Rest } from "./rest.ts";
import { createShards, shardOf, takeTurnToIdentify } from "./shards.ts";
import { CHANNEL } from "./target.ts";

/** The way in over Discord's gateway: connections that we open, one for each shard. */
export interface Gateway {
  start(receive: Receive): void;
  /** Closes the connections and lets other replicas have the shards. */
  stop(): Promise<void>;
  /** Why messages may not come in; undefined while nothing is known to be wrong. */
  fault(): string | undefined;
}

export interface GatewayTimings {
  readonly connection: ConnectionTimings;
  readonly owner: OwnerTimings;
  readonly intake: IntakeTimings;
  /** How often positions are written that have moved. */
  readonly flushMs: number;
}

export const GATEWAY_TIMINGS: GatewayTimings = {
  connection: CONNECTION_TIMINGS,
  owner: OWNER_TIMINGS,
  intake: INTAKE_TIMINGS,
  flushMs: 2_000,
};

export interface GatewayOptions {
  readonly token: string;
  /** The token goes to its host and to Discord's gateways. */
  readonly apiBaseUrl: string;
  readonly rest: Rest;
  readonly members: Pick<Members, "rolesIn">;
  /** Takes a command, a click or a form that came over the gateway. */
  readonly interaction: (data: Payload, receive: Receive) => Promise<void>;
  /** Told of our application's id when a session begins. */
  readonly ready?: (applicationId: string | undefined) => void;
  /** Undefined: as many as Discord recommends. */
  readonly shards: number | undefined;
  readonly state: ChannelState;
  readonly leases: Leases;
  /** No other process can hold a shard. */
  readonly isAlone: boolean;
  readonly now: () => Date;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly timings?: GatewayTimings;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

/**
 * Guilds, their messages and reactions, direct chats and theirs, and the text of messages.
 * @see https://discord.com/developers/docs/topics/gateway#gateway-intents
 */
const INTENTS = (1 << 0) | (1 << 9) | (1 << 10) | (1 << 12) | (1 << 13) | (1 << 15);

// What a process leaves behind that was killed must not keep its only successor waiting.
const NOBODY_ELSE: Leases = {
  acquire: async () => ({ lost: new AbortController().signal, release: async () => {} }),
};

export const createGateway = (options: GatewayOptions): Gateway => {
  const { token, rest, members, interaction, state, isAlone, now, random, log } = options;
  const { timings = GATEWAY_TIMINGS, metrics = NO_CHANNEL_METRICS } = options;
  const stopping = new AbortController();
  const leases = isAlone ? NOBODY_ELSE : options.leases;
  const about = { channel: CHANNEL };
  let ourId = "";
  const conversations = createConversations(state, log, now);
  const places = createPlaces({ rest, ourId: () => ourId });
  let intake: GatewayIntake | undefined;
  let flushes: NodeJS.Timeout | undefined;
  const find = (signal: AbortSignal) => findGateway(rest, options.apiBaseUrl, signal);

  const route = (name: string, data: Payload, to: GatewayIntake, receive: Receive): void => {
    places.learn(name, data);
    switch (name) {
      case "MESSAGE_CREATE":
        to.message(data);
        break;
      case "MESSAGE_UPDATE":
        to.edited(data);
        break;
      case "MESSAGE_DELETE":
        to.deleted(data, idsIn({ ids: [data.id] }, "ids"));
        break;
      case "MESSAGE_DELETE_BULK":
        to.deleted(data, idsIn(data, "ids"));
        break;
      case "MESSAGE_REACTION_ADD":
        to.reacted(data);
        break;
      case "MESSAGE_REACTION_REMOVE":
        to.unreacted(data);
        break;
      case "INTERACTION_CREATE":
        interaction(data, receive).catch((err: unknown) =>
          log.error({ ...about, err }, "interaction not handled"),
        );
        break;
      case "GUILD_CREATE":
        to.guildTold(data);
        break;
      case "CHANNEL_DELETE":
      case "THREAD_DELETE":
        conversations
          .forget(idIn(data, "id") ?? "")
          .catch((err: unknown) => log.warn({ ...about, err }, "room not forgotten"));
        break;
      case "GUILD_DELETE":
        if (data.unavailable !== true) {
          log.warn({ ...about, guild: idIn(data, "id") }, "the bot was removed from a server");
        }
    }
  };

  const createShardOwner = (
    shard: { readonly id: number; readonly count: number },
    to: GatewayIntake,
    receive: Receive,
  ) => {
    const isOurs = (guildId: string | undefined) => shardOf(guildId, shard.count) === shard.id;
    return createOwner({
      shard,
      leases,
      find,
      random,
      log,
      metrics,
      timings: timings.owner,
      held: () => shards?.held() ?? 0,
      prepare: () => conversations.load(isOurs),
      run: ({ info, session, up, signal }) =>
        runConnection({
          shard,
          token,
          info,
          session,
          log,
          signal,
          intents: INTENTS,
          timings: timings.connection,
          mayIdentify: (closed) =>
            takeTurnToIdentify(
              { shardId: shard.id, maxConcurrency: info.maxConcurrency },
              state,
              closed,
            ),
          ready: (data) => {
            ourId = idIn(objectIn(data, "user"), "id") ?? ourId;
            to.sessionBegan(data, isOurs);
            up();
            options.ready?.(idIn(objectIn(data, "application"), "id"));
          },
          resumed: up,
          dispatched: (name, data) => {
            // Whatever is wrong with one of them, the next one is another matter.
            try {
              if (isPayload(data)) route(name, data, to, receive);
            } catch (err) {
              const fault = err instanceof Error ? err.name : typeof err;
              log.warn({ ...about, name, fault }, "dispatch not understood and dropped");
              metrics.told("unread", "parse", "not_understood");
            }
          },
        }),
    });
  };

  let shards: ReturnType<typeof createShards> | undefined;
  return {
    start: (receive) => {
      const to = createGatewayIntake({
        rest,
        conversations,
        places,
        members,
        receive,
        now,
        log,
        metrics,
        ourId: () => ourId,
        timings: timings.intake,
        signal: stopping.signal,
      });
      intake = to;
      flushes = setInterval(() => void conversations.flush(), timings.flushMs);
      flushes.unref();
      shards = createShards({
        find,
        log,
        count: options.shards,
        retryMs: timings.owner.longestLookupMs,
        createOwner: (shard) => createShardOwner(shard, to, receive),
      });
      shards.start();
    },
    stop: async () => {
      await shards?.stop();
      stopping.abort();
      clearInterval(flushes);
      await intake?.idle();
      await conversations.flush();
    },
    fault: () => shards?.fault(),
  };
};
