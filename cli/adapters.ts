import type { Settings } from "../config/schema.ts";
import { slackMode } from "../config/slack-mode.ts";
import { wecomApps, wecomBots, wecomLinkedBots } from "../config/wecom-apps.ts";
import { type ChannelStateParts, createChannelState } from "../core/channel-state/channel-state.ts";
import { createLeases } from "../core/channel-state/leases.ts";
import type { ChannelAdapter } from "../core/contract/channel.ts";
import type { Log } from "../core/contract/log.ts";
import type { Metrics } from "../core/contract/metrics.ts";
import { PLATFORM_SCOPE } from "../core/store/scope.ts";
import { embeddedFolder } from "./storage.ts";
import { wecomFetch, wecomReach } from "./wecom-reach.ts";

/** The adapters of the channels that are on. A platform's libraries load only with its channel. */
export const createAdapters = async (
  settings: Settings,
  parts: {
    readonly log: Log;
    readonly metrics: Metrics;
    /** This machine's clock: how old what a platform signed may be has nothing to do with our store's. */
    readonly machineNow: () => Date;
    /** The workspaces of a channel that tenants are bound to just now. */
    readonly boundWorkspaces: (channel: string) => readonly string[];
  } & ChannelStateParts,
): Promise<ReadonlyMap<string, ChannelAdapter>> => {
  const adapters: ChannelAdapter[] = [];
  // What a channel does for itself, it does for no tenant.
  const metricsOf = (channel: string) => parts.metrics.ofChannel(PLATFORM_SCOPE, channel);
  const apps = wecomApps(settings);
  const bots = wecomBots(settings);
  const linkedBots = wecomLinkedBots(settings);
  if (apps.length > 0 || bots.length > 0 || linkedBots.length > 0) {
    const { createWecomAdapter } = await import("../channels/wecom/adapter.ts");
    const state = createChannelState("wechat_work", parts);
    const isAlone = embeddedFolder(settings) !== undefined;
    const { log, machineNow: now } = parts;
    const fetch = await wecomFetch(settings);
    const reach = wecomReach(settings);
    const linked = {
      bots: linkedBots.map((bot) => ({ ...bot, reach })),
      leases: createLeases({ state, log }),
    };
    const metrics = metricsOf("wechat_work");
    const common = { log, now, state, metrics, isAlone, fetch };
    adapters.push(createWecomAdapter({ apps, bots, linked, ...common }));
  }
  const { slack, discord } = settings.channels;
  if (slack?.enabled) {
    const { createSlackAdapter } = await import("../channels/slack/adapter.ts");
    const state = createChannelState("slack", parts);
    const { log, machineNow: now } = parts;
    adapters.push(
      createSlackAdapter({
        settings: { ...slack, mode: slackMode(slack) },
        log,
        now,
        state,
        metrics: metricsOf("slack"),
        publicUrl: settings.server.public_url,
        leases: createLeases({ state, log }),
        isAlone: embeddedFolder(settings) !== undefined,
      }),
    );
  }
  const canListen = discord?.mode === "interactions" ? discord.public_key : discord?.bot_token;
  if (discord?.enabled && canListen !== undefined) {
    const { createDiscordAdapter } = await import("../channels/discord/adapter.ts");
    const state = createChannelState("discord", parts);
    const { log, machineNow: now } = parts;
    adapters.push(
      createDiscordAdapter({
        bot: discord,
        state,
        log,
        now,
        metrics: metricsOf("discord"),
        boundGuilds: () => parts.boundWorkspaces("discord"),
        leases: createLeases({ state, log }),
        isAlone: embeddedFolder(settings) !== undefined,
      }),
    );
  }
  return new Map(adapters.map((adapter) => [adapter.name, adapter]));
};

/** The workspaces of a channel that tenants are bound to, each once. */
export const boundWorkspaces = (settings: Settings, channel: string): readonly string[] => {
  const bindings = settings.multi_tenant.tenants.flatMap((tenant) => tenant.bindings);
  const bound = bindings.filter((binding) => binding.channel === channel);
  return [...new Set(bound.map(({ workspace }) => workspace))];
};
