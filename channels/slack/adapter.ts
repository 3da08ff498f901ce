import type { ChannelAdapter, Webhook } from "../../core/contract/channel.ts";
import type { ChannelState, Leases } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import { type ChannelMetrics, NO_CHANNEL_METRICS } from "../../core/contract/metrics.ts";
import { steadyNow } from "../steady-now.ts";
import { createPost } from "./http.ts";
import { createInstallations } from "./installations.ts";
import { createIntake } from "./intake.ts";
import { createOauth } from "./oauth.ts";
import { createOpenForm } from "./open-form.ts";
import { createPace } from "./pace.ts";
import { createRoomCalls } from "./room-calls.ts";
import { createSlackSender } from "./sender.ts";
import type { SocketTimings } from "./socket-connection.ts";
import { createSocketLink, type SocketPauses } from "./socket-link.ts";
import { personTarget } from "./target.ts";
import { createThreads } from "./threads.ts";
import { createTwins } from "./twins.ts";
import { CHANNEL } from "./types.ts";
import { createUsers } from "./users.ts";
import { createViewedRooms } from "./viewed-rooms.ts";
import { createWebApi } from "./web-api.ts";
import { createSlackWebhook } from "./webhook.ts";
import { createWorkspaces } from "./workspaces.ts";

/** What the operator configured; names as in the settings. */
export interface SlackSettings {
  readonly mode: "http" | "socket";
  readonly signing_secret?: string | undefined;
  /** Still accepted while the secret is being changed. */
  readonly previous: readonly { readonly signing_secret: string }[];
  readonly bot_token?: string | undefined;
  readonly app_token?: string | undefined;
  readonly workspaces?:
    | readonly { readonly team_id: string; readonly bot_token: string }[]
    | undefined;
  readonly client_id?: string | undefined;
  readonly client_secret?: string | undefined;
  readonly webhook_path: string;
  readonly api_base_url: string;
}

export interface SlackAdapterOptions {
  readonly settings: SlackSettings;
  /** How browsers reach us, for installing; absent = unknown. */
  readonly publicUrl?: string | undefined;
  readonly log: Log;
  readonly now: () => Date;
  readonly state: ChannelState;
  readonly leases: Leases;
  /** No other process speaks for these workspaces. Default false. */
  readonly isAlone?: boolean;
  /** In [0, 1). */
  readonly random?: () => number;
  /** Longest that one call of the Web API may take. */
  readonly timeoutMs?: number;
  readonly socketTimings?: SocketTimings;
  readonly socketPauses?: SocketPauses;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

const RESPONSE_MS = 8_000;

/** Slack: one app, in as many workspaces as it is installed in. */
export const createSlackAdapter = (options: SlackAdapterOptions): ChannelAdapter => {
  const {
    settings,
    log,
    now,
    state,
    leases,
    isAlone = false,
    metrics = NO_CHANNEL_METRICS,
  } = options;
  const baseUrl = settings.api_base_url;
  const timeout = options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
  const api = createWebApi({ baseUrl, log, metrics, ...timeout });
  const { client_id: clientId, client_secret: clientSecret } = settings;
  const client =
    clientId === undefined || clientSecret === undefined
      ? undefined
      : { id: clientId, secret: clientSecret };
  const installations = createInstallations({
    state,
    leases,
    api,
    now,
    metrics,
    ...(client && { client }),
  });
  const workspaces = createWorkspaces({
    botToken: settings.bot_token,
    installations,
    api,
    baseUrl,
    state,
    log,
    now: steadyNow,
    tokens: new Map(settings.workspaces?.map(({ team_id, bot_token }) => [team_id, bot_token])),
  });
  const threads = createThreads(state, now);
  const viewedRooms = createViewedRooms(state, isAlone, now);
  const stopping = new AbortController();
  const openForm = createOpenForm({
    api,
    workspaces,
    baseUrl,
    log,
    signal: stopping.signal,
    post: createPost(options.timeoutMs ?? RESPONSE_MS),
  });
  const rooms = createRoomCalls({ api, workspaces, pace: createPace(steadyNow) });
  const twins = createTwins({ state, call: rooms.call, log });
  const intake = createIntake({
    workspaces,
    threads,
    viewedRooms,
    twins,
    openForm,
    log,
    now,
    metrics,
  });
  const sender = createSlackSender({
    api,
    workspaces,
    state,
    baseUrl,
    now,
    steadyNow,
    log,
    isAlone,
    metrics,
    ...timeout,
  });

  const { mode, signing_secret, app_token } = settings;
  const link =
    mode === "socket" && app_token !== undefined
      ? createSocketLink({
          api,
          appToken: app_token,
          baseUrl,
          intake,
          log,
          metrics,
          ...(options.random && { random: options.random }),
          ...(options.socketTimings && { timings: options.socketTimings }),
          ...(options.socketPauses && { pauses: options.socketPauses }),
        })
      : undefined;
  const signingSecrets = [
    ...(signing_secret === undefined ? [] : [signing_secret]),
    ...settings.previous.map((earlier) => earlier.signing_secret),
  ];
  const webhooks = new Map<string, Webhook>();
  if (mode === "http") {
    const webhook = createSlackWebhook({ signingSecrets, intake, now, log });
    webhooks.set(settings.webhook_path, webhook);
  }
  if (client) {
    const oauth = createOauth({
      clientId: client.id,
      clientSecret: client.secret,
      apiBaseUrl: baseUrl,
      publicUrl: options.publicUrl,
      api,
      installations,
      state,
      now,
      log,
    });
    for (const [path, webhook] of oauth) webhooks.set(path, webhook);
  }

  // Whose the one token is, and where the app was installed, is known when it is sent.
  const mayHaveToken = (teamId: string): boolean =>
    settings.bot_token !== undefined ||
    client !== undefined ||
    (settings.workspaces ?? []).some(({ team_id }) => team_id === teamId);

  return {
    name: CHANNEL,
    takesRepeats: true,
    webhooks,
    directory: createUsers({ api, workspaces, now: steadyNow, log }),
    start: async (receive) => {
      intake.open(receive);
      workspaces.start();
      link?.start();
    },
    stop: async () => {
      await link?.stop();
      intake.close();
      stopping.abort();
      workspaces.stop();
      sender.stop();
    },
    fault: () => {
      if (mode === "http" && signingSecrets.length === 0) return missing("signing_secret", mode);
      if (mode === "socket" && app_token === undefined) return missing("app_token", mode);
      return workspaces.fault() ?? link?.fault();
    },
    render: sender.render,
    send: sender.send,
    reconcile: sender.reconcile,
    directTarget: (teamId, userId) =>
      mayHaveToken(teamId) ? personTarget(teamId, userId, now()) : undefined,
    complete: twins.complete,
    working: sender.working,
    progress: sender.progress,
    suggest: sender.suggest,
    silent: sender.silent,
    openAttachment: sender.openAttachment,
  };
};

const missing = (key: string, mode: string): string =>
  `channels.slack.${key} is missing: mode ${mode} needs it; set it and restart`;
