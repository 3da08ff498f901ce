import { setMaxListeners } from "node:events";
import { createSlackSender, type SlackSenderParts } from "../../../channels/slack/sender.ts";
import { slackTarget } from "../../../channels/slack/target.ts";
import { createWebApi } from "../../../channels/slack/web-api.ts";
import type { OutboundPart } from "../../../core/contract/channel.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { Answer } from "../../../core/contract/reply.ts";
import { recordedMetrics } from "../../fakes/channel-metrics.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { recordedLog } from "../../fakes/log.ts";
import type { Bot, SlackApi } from "../../fakes/slack-api.ts";

export const TEAM = "T0TEAM";
export const ROOM = "C0ROOM";

export interface SenderFixtureOptions {
  readonly state?: ChannelState;
  readonly isAlone?: boolean;
  readonly timeoutMs?: number;
  readonly now?: () => Date;
}

/** The outgoing half of the channel in front of the stand-in, installed in one workspace. */
export const openSender = (slack: SlackApi, bot: Bot, options: SenderFixtureOptions = {}) => {
  const log = recordedLog();
  const metrics = recordedMetrics();
  const { state = memoryState(), timeoutMs = 5_000, now = () => new Date() } = options;
  const refused: string[] = [];
  const tokens = new Map([[TEAM, bot.token]]);
  const parts: SlackSenderParts = {
    api: createWebApi({ baseUrl: slack.baseUrl, log, timeoutMs }),
    workspaces: {
      tokenFor: async (teamId) => tokens.get(teamId),
      knownTokenOf: () => undefined,
      botUserOf: async () => ({ userId: bot.userId, botId: bot.botId }),
      refused: (_, __, error) => void refused.push(error),
    },
    state,
    baseUrl: slack.baseUrl,
    isAlone: options.isAlone ?? true,
    ...{ now, log, timeoutMs, metrics },
  };
  return {
    sender: createSlackSender(parts),
    log,
    state,
    refused,
    tokens,
    counted: metrics.counted,
  };
};

/** Where the answer to a question in a thread of a room goes. */
export const inThread = (ts: string, more: Partial<Parameters<typeof slackTarget>[0]> = {}) =>
  slackTarget({
    teamId: TEAM,
    channelId: ROOM,
    threadTs: ts,
    userId: "U0ASKER",
    replyTo: ts,
    ...more,
  });

/** One part of an answer, as the outbox hands it over. */
export const partOf = (
  id: string,
  target: OutboundPart["target"],
  body: string,
  attempt = 1,
): OutboundPart => ({ id, target, body, attempt, isRepeat: false });

export const said = (markdown: string, more: Partial<Answer> = {}): Answer => ({
  kind: "text",
  markdown,
  ...more,
});

/** Nobody wants to stop. */
export const forever = new AbortController().signal;
setMaxListeners(0, forever);
