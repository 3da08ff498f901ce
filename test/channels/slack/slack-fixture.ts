import { createSlackAdapter, type SlackSettings } from "../../../channels/slack/adapter.ts";
import { createLeases } from "../../../core/channel-state/leases.ts";
import type { ChannelAdapter, WebhookRequest } from "../../../core/contract/channel.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { type RecordedMetrics, recordedMetrics } from "../../fakes/channel-metrics.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { recordedLog } from "../../fakes/log.ts";
import { SIGNING_SECRET } from "../../fakes/slack-events.ts";

export const PATH = "/api/slack/events";

/** Nobody listens there. */
const NOWHERE = "http://127.0.0.1:9/api/";

const settingsOf = (more: Partial<SlackSettings> = {}): SlackSettings => ({
  mode: "http",
  signing_secret: SIGNING_SECRET,
  previous: [],
  workspaces: [{ team_id: "T0TEAM", bot_token: "xoxb-team" }],
  webhook_path: PATH,
  api_base_url: NOWHERE,
  ...more,
});

export interface SlackFixture {
  readonly adapter: ChannelAdapter;
  readonly received: InboundMessage[];
  readonly log: ReturnType<typeof recordedLog>;
  readonly metrics: RecordedMetrics;
  readonly state: ChannelState;
  post(request: WebhookRequest, path?: string): ReturnType<NonNullable<WebhookOf>>;
}

type WebhookOf = ReturnType<ChannelAdapter["webhooks"]["get"]>;

export interface FixtureOptions {
  readonly settings?: Partial<SlackSettings>;
  readonly state?: ChannelState;
  readonly now?: () => Date;
  readonly publicUrl?: string;
}

/** The adapter, not started. */
export const slackAdapter = (options: FixtureOptions = {}) => {
  const { settings, state = memoryState(), now = () => new Date(), publicUrl } = options;
  const log = recordedLog();
  const metrics = recordedMetrics();
  const adapter = createSlackAdapter({
    ...{ settings: settingsOf(settings), log, now, state, isAlone: true, timeoutMs: 5_000 },
    ...{ publicUrl, metrics },
    leases: createLeases({ state, log }),
  });
  return { adapter, log, metrics, state };
};

/** The adapter, started; what it hands over is kept, each name once. */
export const startedSlack = async (options: FixtureOptions = {}): Promise<SlackFixture> => {
  const { adapter, log, metrics, state } = slackAdapter(options);
  const received: InboundMessage[] = [];
  await adapter.start(async (message) => {
    const isNew = !received.some(({ id }) => id === message.id);
    if (isNew) received.push(message);
    return { isNew, inlineReply: async () => undefined };
  });
  const post: SlackFixture["post"] = (request, path = PATH) => {
    const webhook = adapter.webhooks.get(path);
    if (!webhook) throw new Error(`no webhook at ${path}`);
    return webhook(request);
  };
  return { adapter, received, log, metrics, state, post };
};
