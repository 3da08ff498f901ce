import type { ChannelAdapter, Receive, Webhook } from "../../core/contract/channel.ts";
import type { ChannelState, Leases } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import { type ChannelMetrics, NO_CHANNEL_METRICS } from "../../core/contract/metrics.ts";
import { steadyNow } from "../steady-now.ts";
import { registerCommands } from "./commands.ts";
import { createDeferrals } from "./deferrals.ts";
import { createGateway, type GatewayTimings } from "./gateway.ts";
import { createInteractions } from "./interactions.ts";
import { createMembers } from "./members.ts";
import { createRest } from "./rest.ts";
import { createDiscordSender } from "./sender.ts";
import { CHANNEL, personTarget } from "./target.ts";

/** What the operator configured; names as in the settings. */
export interface DiscordBot {
  readonly mode: "gateway" | "interactions";
  readonly bot_token?: string | undefined;
  readonly application_id?: string | undefined;
  readonly public_key?: string | undefined;
  readonly webhook_path: string;
  readonly api_base_url: string;
  readonly shards?: number | undefined;
}

export interface DiscordAdapterOptions {
  readonly bot: DiscordBot;
  /** The guilds that tenants are bound to. */
  readonly boundGuilds: () => readonly string[];
  readonly state: ChannelState;
  /** Say which replica holds a shard. */
  readonly leases: Leases;
  /** No other process uses this bot. Default false. */
  readonly isAlone?: boolean;
  readonly now: () => Date;
  readonly log: Log;
  readonly fetch?: typeof globalThis.fetch;
  /** In [0, 1). */
  readonly random?: () => number;
  readonly timings?: GatewayTimings;
  /** Longest that one call of Discord's API may take. */
  readonly timeoutMs?: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

const BAD_KEY =
  "channels.discord.public_key is not 64 hexadecimal digits: copy it from General Information in the developer portal";

/** Discord: one bot, with its gateway connections or its interactions endpoint. */
export const createDiscordAdapter = (options: DiscordAdapterOptions): ChannelAdapter => {
  const { bot, boundGuilds, state, leases, isAlone = false, now, log, timeoutMs } = options;
  const { fetch = globalThis.fetch, random = Math.random, metrics = NO_CHANNEL_METRICS } = options;
  const { api_base_url: apiBaseUrl, bot_token: token, application_id: applicationId } = bot;
  const publicKey = bot.public_key?.trim();
  const isKey = publicKey !== undefined && /^[0-9a-f]{64}$/i.test(publicKey);
  const rest = createRest({
    baseUrl: apiBaseUrl,
    token,
    now: steadyNow,
    metrics,
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  const deferrals = createDeferrals();
  const sender = createDiscordSender({
    rest,
    state,
    deferrals,
    log,
    now,
    apiBaseUrl,
    fetch,
    metrics,
  });
  const interactions = createInteractions({
    rest,
    state,
    deferrals,
    log,
    now,
    metrics,
    ...(isKey && { publicKey }),
  });
  const members = createMembers({ rest, boundGuilds, deferrals, now: steadyNow });
  const stopping = new AbortController();
  let receive: Receive | undefined;
  let isRegistering = false;

  const register = (id: string | undefined): void => {
    if (isRegistering || id === undefined || token === undefined) return;
    isRegistering = true;
    void registerCommands(rest, id, log, stopping.signal);
  };

  const gateway =
    bot.mode === "gateway" && token !== undefined
      ? createGateway({
          token,
          apiBaseUrl,
          rest,
          members,
          state,
          leases,
          isAlone,
          now,
          random,
          log,
          metrics,
          interaction: interactions.take,
          shards: bot.shards,
          ready: (id) => register(applicationId ?? id),
          ...(options.timings && { timings: options.timings }),
        })
      : undefined;

  const webhook: Webhook = async (request) =>
    receive ? interactions.webhook(request, receive) : { status: 503 };

  return {
    name: CHANNEL,
    takesRepeats: true,
    webhooks: new Map(isKey ? [[bot.webhook_path, webhook]] : []),
    directory: members.directory,
    start: async (handler) => {
      receive = handler;
      gateway?.start(handler);
      if (!gateway) register(applicationId);
    },
    stop: async () => {
      receive = undefined;
      stopping.abort();
      await gateway?.stop();
      sender.stop();
      rest.close();
    },
    fault: () => {
      if (bot.mode === "interactions" && !isKey) return BAD_KEY;
      return rest.fault() ?? gateway?.fault();
    },
    render: sender.render,
    send: async (part, signal) => {
      const { appId } = part.target;
      if (appId !== "" && applicationId !== undefined && appId !== applicationId) {
        return { kind: "refused", reason: "the application is no longer configured" };
      }
      return sender.send(part, signal);
    },
    reconcile: sender.reconcile,
    // A guild in which the bot and the person both are is what lets it write to them.
    directTarget: (guildId, userId) =>
      token !== undefined && /^\d{1,20}$/.test(guildId) ? personTarget(userId, now()) : undefined,
    working: sender.working,
    progress: sender.progress,
    silent: sender.silent,
    openAttachment: sender.openAttachment,
  };
};
