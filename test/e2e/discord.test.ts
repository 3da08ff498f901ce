import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type DiscordGatewayServer, startDiscordGateway } from "../fakes/discord-gateway.ts";
import { type DiscordRest, startDiscordRest } from "../fakes/discord-rest.ts";
import { type GatewayProcess, gatewayProcess } from "../fakes/gateway-process.ts";
import { lacks } from "../fakes/need-server.ts";
import { startPostgres } from "../fakes/postgres-server.ts";

const GUILD = "900000000000000101";
const OTHER_GUILD = "900000000000000102";
const ROOM = "900000000000000111";
const DM = "900000000000000131";
const ANN = "800000000000000001";
const PATIENCE = { timeout: 30_000, interval: 20 };

let rest: DiscordRest;
let platform: DiscordGatewayServer;
let settings: Readonly<Record<string, unknown>>;
let gateway: GatewayProcess;

beforeEach(async () => {
  rest = await startDiscordRest();
  platform = await startDiscordGateway({
    token: rest.token,
    bot: rest.botUser,
    applicationId: rest.applicationId,
    guilds: [{ id: GUILD, channels: [{ id: ROOM, type: 0 }], threads: [], roles: [] }],
  });
  rest.gatewayUrl = platform.url;
  rest.channels.set(ROOM, { id: ROOM, type: 0, guild_id: GUILD });
  rest.channels.set(DM, { id: DM, type: 1 });
  rest.members.set(GUILD, new Map([[ANN, { roles: [] }]]));
  rest.onMessage = (message) => platform.dispatch("MESSAGE_CREATE", message);
  settings = {
    channels: {
      discord: {
        bot_token: rest.token,
        application_id: rest.applicationId,
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
          bindings: [{ channel: "discord", workspace: GUILD }],
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
afterEach(async () => {
  await gateway.remove();
  await platform.stop();
  await rest.close();
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
const whisperTo = (channelId: string, content: string) =>
  whisper(channelId, `<@${rest.botUser.id}> ${content}`, { mentions: [{ id: rest.botUser.id }] });
const tell = (message: object, inGuild: boolean, channelType: number) => {
  const where = inGuild ? { guild_id: GUILD, member: { roles: [] } } : {};
  platform.dispatch("MESSAGE_CREATE", { ...message, ...where, channel_type: channelType });
};
const sayDirectly = (content: string) => tell(whisper(DM, content), false, 1);

const answers = (channelId: string) => rest.said(channelId).map(({ content }) => content);
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

  it("stays alive, says so and does not log in again after its token was refused", async () => {
    await up();
    platform.raw('{"op":0,"t":"MESSAGE_CREATE","s":9,"d":{"id":{},"author":[],"mentions":7}}');
    platform.close(4004, true);
    await vi.waitFor(async () => expect(await ready()).toBe(503), PATIENCE);
    const response = await fetch(`${gateway.url}/api/health`);
    expect(await response.json()).toMatchObject({
      checks: { "channels.discord": { ok: false, reason: expect.stringContaining("4004") } },
    });
    expect((await fetch(`${gateway.url}/api/health/live`)).status).toBe(200);
    expect(platform.identifies).toHaveLength(1);
    expect(gateway.output).not.toContain(rest.token);
  });

  it("refuses a direct message of who is in no bound server, or in those of two tenants", async () => {
    await up();
    rest.members.set(OTHER_GUILD, new Map([[ANN, { roles: [] }]]));
    sayDirectly("whose am I?");
    await vi.waitFor(() => expect(answers(DM).join()).toContain("TENANT_AMBIGUOUS"), PATIENCE);
    const stranger = { author: { id: "800000000000000009", username: "x" } };
    tell(whisper(DM, "let me in", stranger), false, 1);
    await vi.waitFor(() => expect(answers(DM).join()).toContain("TENANT_UNKNOWN"), PATIENCE);
  });

  it("refuses with its reason when Discord does not say which servers somebody is in", async () => {
    await up();
    rest.failAlways("GET /guilds/:id/members/:id", { status: 500 });
    sayDirectly("hello");
    await vi.waitFor(() => expect(answers(DM).join()).toContain("DIRECTORY_UNAVAILABLE"), PATIENCE);
  });

  it("is unwell as soon as Discord's API refuses the token", async () => {
    await up();
    rest.failAlways("*", { status: 401, code: 0 });
    sayDirectly("hello");
    await vi.waitFor(async () => expect(await ready()).toBe(503), PATIENCE);
  });
});

describe.skipIf(lacks("postgresql"))("two replicas on Discord", () => {
  it("one takes over within 30 s when the other is killed, with what was said meanwhile", async () => {
    await gateway.remove();
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
