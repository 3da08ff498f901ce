import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { memberSees } from "../channels/discord/member-sees.ts";
import { type DiscordGatewayServer, startDiscordGateway } from "../fakes/discord-gateway.ts";
import { type DiscordRest, startDiscordRest } from "../fakes/discord-rest.ts";
import { discordSigner } from "../fakes/discord-signer.ts";
import { type GatewayProcess, gatewayProcess } from "../fakes/gateway-process.ts";
import { atTheirTimes, LOAD_SECONDS, loadFigures } from "../fakes/load.ts";
import { inkOf, longText } from "../fakes/long-text.ts";
import { lacks } from "../fakes/need-server.ts";
import { startPostgres } from "../fakes/postgres-server.ts";
import { type SlackApi, startSlackApi } from "../fakes/slack-api.ts";
import {
  BOT_USER,
  eventBody,
  mention,
  newTs,
  postSlack,
  SIGNING_SECRET,
  signed,
  TEAM,
} from "../fakes/slack-events.ts";

// On a machine that is busy with other tests.
vi.setConfig({ testTimeout: 120_000 });

const GUILD = "900000000000000101";
const OTHER_GUILD = "900000000000000102";
const ROOM = "900000000000000111";
const DM = "900000000000000131";
const ANN = "800000000000000001";
const BOB = "800000000000000002";
const BOBS_DM = "900000000000000132";
const CARLS_DM = "900000000000000134";
const STRANGERS_DM = "900000000000000133";
const ENDPOINT = "/api/discord/interactions";
const PATIENCE = { timeout: 30_000, interval: 20 };
const PER_SECOND = 200;
// Somebody who would connect again does so every second or two.
const WATCHED_MS = LOAD_SECONDS * 3_000;
const signer = discordSigner();

let rest: DiscordRest;
let platform: DiscordGatewayServer;
let slack: SlackApi;
let settings: Readonly<Record<string, unknown>>;
let gateway: GatewayProcess;

beforeAll(async () => {
  slack = await startSlackApi();
  const slackBot = slack.install(TEAM, { userId: BOT_USER });
  rest = await startDiscordRest();
  platform = await startDiscordGateway({
    token: rest.token,
    bot: rest.botUser,
    applicationId: rest.applicationId,
    guilds: [{ id: GUILD, channels: [{ id: ROOM, type: 0 }], threads: [], roles: [] }],
  });
  rest.gatewayUrl = platform.url;
  rest.channels.set(ROOM, { id: ROOM, type: 0, guild_id: GUILD });
  for (const id of [DM, BOBS_DM, CARLS_DM, STRANGERS_DM]) rest.channels.set(id, { id, type: 1 });
  rest.members.set(GUILD, new Map([ANN, BOB].map((id) => [id, { roles: [] }])));
  rest.onMessage = (message) => platform.dispatch("MESSAGE_CREATE", message);
  settings = {
    channels: {
      slack: {
        ...{ signing_secret: SIGNING_SECRET, bot_token: slackBot.token },
        api_base_url: slack.baseUrl,
      },
      discord: {
        bot_token: rest.token,
        application_id: rest.applicationId,
        public_key: signer.publicKey,
        api_base_url: rest.apiBaseUrl,
      },
    },
    multi_tenant: {
      tenants: [
        {
          id: "echo",
          bindings: [{ channel: "discord", workspace: GUILD, conversation: ROOM }],
          llm_config: { provider: "echo" },
        },
        {
          id: "echo-too",
          bindings: [{ channel: "discord", workspace: GUILD, role: "77" }],
          llm_config: { provider: "echo" },
        },
        {
          id: "people",
          bindings: [
            { channel: "discord", workspace: GUILD },
            { channel: "slack", workspace: TEAM },
          ],
          llm_config: { provider: "echo" },
        },
        {
          id: "others",
          bindings: [{ channel: "discord", workspace: OTHER_GUILD }],
          llm_config: { provider: "echo" },
        },
      ],
    },
  };
  gateway = gatewayProcess(settings);
  await gateway.start();
});
afterAll(async () => {
  await gateway.remove();
  await platform.stop();
  await Promise.all([rest.close(), slack.close()]);
});

const ready = async (): Promise<number> => (await fetch(`${gateway.url}/api/health/ready`)).status;
const up = () =>
  vi.waitFor(async () => {
    expect(platform.isUp()).toBe(true);
    expect(await ready()).toBe(200);
  }, PATIENCE);

/** Writes it where the API reads, without telling the gateway. */
const whisper = (channelId: string, content: string, more: object = {}) =>
  rest.write(channelId, {
    content,
    ...{ author: { id: ANN, username: "ann" }, type: 0, attachments: [] },
    ...more,
  });
const whisperTo = (channelId: string, content: string, more: object = {}) =>
  whisper(channelId, `<@${rest.botUser.id}> ${content}`, {
    mentions: [{ id: rest.botUser.id }],
    ...more,
  });
const tell = (message: object, inGuild: boolean, channelType: number) => {
  const where = inGuild ? { guild_id: GUILD, member: { roles: [] } } : {};
  platform.dispatch("MESSAGE_CREATE", { ...message, ...where, channel_type: channelType });
};
const sayDirectly = (content: string) => tell(whisper(DM, content), false, 1);

const answers = (channelId: string) => rest.said(channelId).map(({ content }) => content);
const timesSaid = (channelId: string, text: string): number =>
  answers(channelId).filter((content) => content.endsWith(text)).length;
const answered = (channelId: string, ...texts: string[]) =>
  vi.waitFor(() => {
    const said = answers(channelId);
    for (const text of texts) {
      expect(
        said.filter((content) => content.endsWith(text)),
        text,
      ).toHaveLength(1);
    }
  }, PATIENCE);

describe("the built gateway on Discord", () => {
  it("answers direct messages, and mentions in a thread that goes on; each once", async () => {
    await up();
    sayDirectly("hello there");
    await answered(DM, "hello there");
    const question = whisperTo(ROOM, "a question");
    for (let times = 0; times < 2; times += 1) tell(question, true, 0);
    await answered(question.id, "a question");
    tell(whisper(question.id, "one more"), true, 11);
    await answered(question.id, "a question", "one more");
    expect(answers(ROOM)).toEqual([]);
    const tenants = gateway.audit().map(({ tenant_id }) => tenant_id);
    expect(new Set(tenants)).toContain("people");
    expect(new Set(tenants)).toContain("echo");
  });

  it("answers once what was said while it was away: cut off, without a session, killed", async () => {
    await up();
    sayDirectly("the first");
    const question = whisperTo(ROOM, "begin");
    tell(question, true, 0);
    await answered(DM, "the first");
    await answered(question.id, "begin");

    platform.drop();
    sayDirectly("while it was cut off");
    await answered(DM, "while it was cut off");
    expect(platform.resumes).toHaveLength(1);

    whisper(DM, "without a session");
    whisper(question.id, "in the thread");
    platform.invalidate();
    await answered(DM, "without a session");
    await answered(question.id, "in the thread");
    expect(platform.identifies).toHaveLength(2);

    sayDirectly("just before the end");
    await gateway.stop("SIGKILL");
    whisper(DM, "while it was dead");
    whisper(question.id, "in the thread again");
    await gateway.start();
    await up();
    await answered(
      DM,
      ...["the first", "while it was cut off", "without a session"],
      ...["just before the end", "while it was dead"],
    );
    await answered(question.id, "begin", "in the thread", "in the thread again");
  }, 120_000);

  it("refuses a direct message of who is in no bound server, or in those of two tenants", async () => {
    rest.members.set(OTHER_GUILD, new Map([[BOB, { roles: [] }]]));
    const bob = { author: { id: BOB, username: "bob" } };
    tell(whisper(BOBS_DM, "whose am I?", bob), false, 1);
    await vi.waitFor(() => expect(answers(BOBS_DM).join()).toContain("TENANT_AMBIGUOUS"), PATIENCE);
    const stranger = { author: { id: "800000000000000009", username: "x" } };
    tell(whisper(STRANGERS_DM, "let me in", stranger), false, 1);
    await vi.waitFor(
      () => expect(answers(STRANGERS_DM).join()).toContain("TENANT_UNKNOWN"),
      PATIENCE,
    );
  });

  it("refuses with its reason when Discord does not say which servers somebody is in", async () => {
    rest.failAlways("GET /guilds/:id/members/:id", { status: 500 });
    // Of whom nothing is remembered.
    const carl = { author: { id: "800000000000000003", username: "carl" } };
    tell(whisper(CARLS_DM, "where am I?", carl), false, 1);
    try {
      const refused = () => expect(answers(CARLS_DM).join()).toContain("DIRECTORY_UNAVAILABLE");
      await vi.waitFor(refused, PATIENCE);
    } finally {
      rest.failAlways("GET /guilds/:id/members/:id", undefined);
    }
  });

  it("gives back 60 KB of prose, code and CJK whole, each part of at most 2000 characters", async () => {
    const text = longText();
    const question = whisperTo(ROOM, text);
    tell(question, true, 0);
    await vi.waitFor(async () => {
      const said = rest.said(question.id);
      const urls = said.flatMap(({ attachments }) => attachments.map(({ url }) => url));
      const files = await Promise.all(urls.map(async (url) => (await fetch(url)).text()));
      const shown = said.map(({ content }) => memberSees(content)).join("");
      const isWhole = [...files, shown].some((all) => inkOf(all).endsWith(inkOf(text)));
      expect(isWhole, `${said.length} messages, ${files.length} files`).toBe(true);
    }, PATIENCE);
    for (const { content } of rest.said(question.id)) {
      expect(content.length).toBeLessThanOrEqual(2000);
      expect((content.match(/(?<!\\)```/g) ?? []).length % 2).toBe(0);
    }
  });

  it(
    `answers ${PER_SECOND} mentions a second once each in threads of their own, a tenth of which come twice`,
    async () => {
      // What was said in a room before it ever listened, it does not know of.
      await up();
      const count = PER_SECOND * LOAD_SECONDS;
      const questions: { readonly id: string; readonly text: string; readonly atMs: number }[] = [];
      const [posts, threads] = [
        "POST /channels/:id/messages",
        "POST /channels/:id/messages/:id/threads",
      ];
      rest.failNext(posts, { status: 500, isDone: true }, { status: 503 }, { cut: "done" });
      rest.failNext(posts, { limitS: 0.2, isBare: true }, { hang: "done" });
      rest.failNext(threads, { status: 500, isDone: true }, { cut: "lost" });
      await atTheirTimes(count, PER_SECOND, (index) => {
        const text = `event ${index}.`;
        // So little of one person that no limit is met.
        const author = { id: String(810_000_000_000_000_000n + BigInt(index % (count / 10))) };
        const question = whisperTo(`9100000000000000${10 + (index % 40)}`, text, { author });
        questions.push({ id: question.id, text, atMs: Date.now() });
        for (let times = index % 10 === 0 ? 2 : 1; times > 0; times--) tell(question, true, 0);
        // It is told again what it had not heard before the connection broke, and no more.
        if (index === count / 2) platform.drop();
        if (index === (count * 3) / 4) platform.askToReconnect();
      });
      const timesOf = () => questions.map(({ id, text }) => timesSaid(id, text));
      const latencies = () =>
        questions.flatMap(({ id, atMs }) =>
          rest.said(id).map(({ timestamp }) => Date.parse(timestamp) - atMs),
        );
      try {
        // Discord allows a bot 50 requests a second, and an answer takes two.
        const allowedMs = (count * 2 * 1000) / 50;
        await vi.waitFor(() => expect(timesOf()).toEqual(questions.map(() => 1)), {
          ...{ timeout: 60_000 + 3 * allowedMs, interval: 500 },
        });
        expect(questions.map(({ id }) => rest.said(id).length)).toEqual(questions.map(() => 1));
        for (let room = 10; room < 50; room++)
          expect(answers(`9100000000000000${room}`)).toEqual([]);
      } finally {
        console.log(`Discord, ${PER_SECOND}/s: ${loadFigures(timesOf(), latencies())}`);
      }
    },
    LOAD_SECONDS * 160_000 + 180_000,
  );

  it("refuses forged, stale, malformed and endless requests at its endpoint, and answers on", async () => {
    const url = `${gateway.url}${ENDPOINT}`;
    const ping = { type: 1, id: "1", application_id: rest.applicationId, token: "t", version: 1 };
    const statusOf = async (answer: Promise<Response>) =>
      (await answer.catch(() => undefined))?.status ?? "cut off";
    expect(await statusOf(signer.post(url, ping, { signature: "0".repeat(128) }))).toBe(401);
    for (const offS of [-400, 400]) {
      const at = new Date(Date.now() + offS * 1000);
      expect(await statusOf(signer.post(url, ping, { at })), `${offS} s`).toBe(401);
    }
    for (const body of [
      "{",
      "",
      "null",
      "[]",
      "7",
      '{"type":',
      '{"type":2}',
      '{"type":{}}',
      "\ud800",
    ]) {
      const status = await statusOf(signer.post(url, body));
      expect(status, body).toBeGreaterThanOrEqual(200);
      expect(status, body).toBeLessThan(500);
    }
    expect([413, "cut off"]).toContain(
      await statusOf(signer.post(url, Buffer.alloc(26_000_000, 32))),
    );
    const answer = await signer.post(url, ping);
    expect([answer.status, await answer.json()]).toEqual([200, { type: 1 }]);
    expect(await ready()).toBe(200);
    sayDirectly("still there?");
    await answered(DM, "still there?");
  });

  it("is unwell as soon as Discord's API refuses the token", async () => {
    rest.failAlways("*", { status: 401, code: 0 });
    sayDirectly("hello");
    await vi.waitFor(async () => expect(await ready()).toBe(503), PATIENCE);
    rest.failAlways("*", undefined);
  });

  it("says for good that its token was refused, without a storm of logins, while Slack goes on", async () => {
    await gateway.stop();
    await gateway.start();
    await up();
    const logins = platform.identifies.length;
    const connections = platform.connections();
    platform.raw('{"op":0,"t":"MESSAGE_CREATE","s":9,"d":{"id":{},"author":[],"mentions":7}}');
    platform.close(4004, true);
    const saysSo = async (): Promise<void> => {
      const response = await fetch(`${gateway.url}/api/health/ready`);
      expect([response.status, await response.json()]).toMatchObject([
        503,
        {
          checks: {
            "channels.discord": { ok: false, reason: expect.stringContaining("4004") },
            "channels.slack": { ok: true },
          },
        },
      ]);
    };
    /** For a few of the times at which it would connect again if it ever did. */
    const staysSo = async (expectedLogins: number): Promise<void> => {
      await vi.waitFor(saysSo, { ...PATIENCE, timeout: 45_000 });
      const until = performance.now() + WATCHED_MS;
      do {
        gateway.tell("SIGHUP");
        const ts = newTs();
        const event = mention(`<@${BOT_USER}> are you there?`, { ts });
        await postSlack(
          `${gateway.url}/api/slack/events`,
          signed(JSON.stringify(eventBody(event))),
        );
        await vi.waitFor(() => expect(slack.messages("C0ROOM", ts)).toHaveLength(1), PATIENCE);
        await saysSo();
        expect((await fetch(`${gateway.url}/api/health/live`)).status).toBe(200);
        expect(platform.identifies).toHaveLength(expectedLogins);
      } while (performance.now() < until);
    };
    await staysSo(logins);
    expect(platform.connections()).toBe(connections);
    // Whoever restarts it without a new token costs Discord one login.
    await gateway.stop();
    await gateway.start();
    await staysSo(logins + 1);
    expect(platform.connections()).toBe(connections + 1);
    expect(gateway.output).not.toContain(rest.token);
  }, 180_000);
});

describe.skipIf(lacks("postgresql"))("two replicas on Discord", () => {
  it("one takes over within 30 s when the other is killed, with what was said meanwhile", async () => {
    await gateway.remove();
    platform.admit();
    const postgres = await startPostgres();
    const url = await postgres.createDatabase();
    const first = gatewayProcess({ ...settings, storage: { url } });
    const second = first.beside({});
    try {
      const logins = platform.identifies.length;
      const loggedIn = (times: number) =>
        vi.waitFor(() => expect(platform.identifies).toHaveLength(logins + times), {
          ...{ timeout: 60_000, interval: 20 },
        });
      await first.start();
      await loggedIn(1);
      sayDirectly("hello");
      await answered(DM, "hello");
      await second.start();
      const killedAt = performance.now();
      await first.stop("SIGKILL");
      whisper(DM, "while nobody listened");
      await loggedIn(2);
      const tookMs = performance.now() - killedAt;
      console.log(`the shard was taken over after ${(tookMs / 1000).toFixed(1)} s`);
      await answered(DM, "hello", "while nobody listened");
      expect(tookMs).toBeLessThan(30_000);
    } finally {
      await second.remove();
      await first.remove();
      await postgres.close();
    }
  }, 120_000);
});
