import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDiscordAdapter } from "../../channels/discord/adapter.ts";
import type { Agent } from "../../core/agent.ts";
import { createLeases } from "../../core/channel-state/leases.ts";
import type { ChannelAdapter } from "../../core/contract/channel.ts";
import type { Reply } from "../../core/contract/reply.ts";
import { createPipeline } from "../../core/pipeline.ts";
import { openStore } from "../../core/store/open-store.ts";
import type { Store } from "../../core/store/store.ts";
import { fakeChannel } from "../fakes/channel.ts";
import { memoryState } from "../fakes/channel-state.ts";
import { type CoreGateway, coreGateway } from "../fakes/core-gateway.ts";
import { type DiscordGatewayServer, startDiscordGateway } from "../fakes/discord-gateway.ts";
import { type DiscordRest, startDiscordRest } from "../fakes/discord-rest.ts";
import { recordedLog } from "../fakes/log.ts";
import { freeContent } from "../fakes/safety.ts";
import { type SlackApi, startSlackApi } from "../fakes/slack-api.ts";
import { BOT_USER, eventBody, mention, signed, TEAM } from "../fakes/slack-events.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { forgetful, unlimited } from "../fakes/turn.ts";
import { PATH, slackAdapter } from "./slack/slack-fixture.ts";

const PATIENT = { timeout: 30_000, interval: 10 };
const folder = temporaryFolder();

let begun: string[];
let ends: (() => void)[];
let store: Store;
let core: CoreGateway;
beforeEach(async () => {
  begun = [];
  ends = [];
  store = await openStore({ url: `file:${folder.path}/store` });
});
afterEach(async () => {
  await core.stop();
  await store.close();
});

/** Thinks until the test or its question's deletion ends it. */
const thinking: Agent = {
  answer: ({ message: { content }, progress, signal }) =>
    new Promise<Reply>((resolve, reject) => {
      const text = content.kind === "text" ? content.text : "";
      begun.push(text);
      progress?.("What I know so far");
      ends.push(() => resolve({ kind: "text", markdown: `re ${text}` }));
      signal.abortSignal.addEventListener("abort", () => reject(signal.reason));
    }),
};

/** The adapter in front of the core, with real stages and a store between. */
const serve = async (adapter: ChannelAdapter): Promise<void> => {
  const roles = { permissionsOf: () => ({ roles: [], has: () => true }) };
  core = await coreGateway({
    ...{ store, folder: folder.path, channels: [{ ...fakeChannel(), ...adapter }] },
    pipeline: (needs) =>
      createPipeline({
        ...{ ...freeContent, ...unlimited(), ...forgetful, ...needs },
        ...{ roles, agent: thinking, now: () => new Date() },
        skills: { allowedFor: () => [] },
        welcomed: { markToday: async () => true },
      }),
  });
  await adapter.start(core.receive);
};

const decided = () => core.records.map(({ subject, code }) => `${subject} ${code}`);

/** Of two questions in one conversation the one that runs and the one that waits are deleted. */
const expectNoAnswers = async (
  say: (text: string) => Promise<() => Promise<void>>,
  shown: () => readonly string[],
): Promise<void> => {
  const deleteFirst = await say("first");
  await vi.waitFor(() => expect(begun).toEqual(["first"]), PATIENT);
  await vi.waitFor(() => expect(shown()).toEqual(["What I know so far"]), PATIENT);
  const deleteSecond = await say("second");
  await deleteSecond();
  await vi.waitFor(() => expect(decided()).toEqual(["event QUESTION_WITHDRAWN"]), PATIENT);
  await deleteFirst();
  const stopped = () => decided().filter((each) => each === "text STOPPED");
  await vi.waitFor(() => expect(stopped()).toHaveLength(2), PATIENT);
  // What had begun to be shown is taken away.
  await vi.waitFor(() => expect(shown()).toEqual([]), PATIENT);
  const deleteThird = await say("third");
  await vi.waitFor(() => expect(begun).toEqual(["first", "third"]), PATIENT);
  ends.at(-1)?.();
  await vi.waitFor(() => expect(shown()).toEqual(["re third"]), PATIENT);
  await deleteThird();
  await vi.waitFor(() => expect(decided()).toContain("event EVENT_NOT_HANDLED"), PATIENT);
  expect(shown()).toEqual(["re third"]);
};

describe("in Slack", () => {
  let api: SlackApi;
  let adapter: ChannelAdapter;
  beforeEach(async () => {
    api = await startSlackApi();
    const bot = api.install(TEAM, { userId: BOT_USER });
    ({ adapter } = slackAdapter({
      settings: {
        api_base_url: api.baseUrl,
        workspaces: [{ team_id: TEAM, bot_token: bot.token }],
      },
    }));
  });
  afterEach(async () => {
    await adapter.stop();
    await api.close();
  });

  it("a deleted question is not answered, while it runs and while it waits", async () => {
    await serve(adapter);
    const tell = async (event: object) => {
      const request = signed(JSON.stringify(eventBody({ ...event })));
      expect((await adapter.webhooks.get(PATH)?.(request))?.status).toBe(200);
    };
    const root = "1700000000.000777";
    const say = async (text: string) => {
      const { channel, ...said } = mention(`<@${BOT_USER}> ${text}`, { thread_ts: root });
      await tell({ ...said, channel });
      return () =>
        tell({
          ...{ type: "message", subtype: "message_deleted", hidden: true, channel },
          ...{ channel_type: "channel", deleted_ts: said.ts, ts: `17${said.ts}` },
          previous_message: { ...said, type: "message" },
        });
    };
    await expectNoAnswers(say, () => api.messages("C0ROOM", root).map(({ text }) => text));
  });
});

describe("on Discord", () => {
  const GUILD = "900000000000000101";
  const ROOM = "900000000000000111";
  const ANN = { id: "800000000000000001", username: "ann" };
  let rest: DiscordRest;
  let platform: DiscordGatewayServer;
  let adapter: ChannelAdapter;
  beforeEach(async () => {
    rest = await startDiscordRest();
    platform = await startDiscordGateway({
      token: rest.token,
      bot: rest.botUser,
      applicationId: rest.applicationId,
      guilds: [{ id: GUILD, channels: [{ id: ROOM, type: 11 }], threads: [], roles: [] }],
    });
    rest.gatewayUrl = platform.url;
    rest.channels.set(ROOM, { id: ROOM, type: 11, guild_id: GUILD });
    const [state, log] = [memoryState(), recordedLog()];
    adapter = createDiscordAdapter({
      bot: {
        ...{ mode: "gateway", bot_token: rest.token, application_id: rest.applicationId },
        ...{ webhook_path: "/unused", api_base_url: rest.apiBaseUrl },
      },
      ...{ state, log, leases: createLeases({ state, log }), boundGuilds: () => [GUILD] },
      ...{ now: () => new Date(), isAlone: true },
    });
  });
  afterEach(async () => {
    await adapter.stop();
    await platform.stop();
    await rest.close();
  });

  it("a deleted question is not answered, while it runs and while it waits", async () => {
    await serve(adapter);
    await vi.waitFor(() => expect(platform.isUp()).toBe(true), PATIENT);
    const where = { guild_id: GUILD, channel_id: ROOM };
    const say = async (text: string) => {
      const bot = rest.botUser;
      const said = { author: ANN, type: 0, attachments: [], mentions: [{ id: bot.id }] };
      const message = rest.write(ROOM, { ...said, content: `<@${bot.id}> ${text}` });
      const told = { ...message, ...where, member: { roles: [] }, channel_type: 11 };
      platform.dispatch("MESSAGE_CREATE", told);
      return async () => platform.dispatch("MESSAGE_DELETE", { id: message.id, ...where });
    };
    await expectNoAnswers(say, () => rest.said(ROOM).map(({ content }) => content));
  });
});
