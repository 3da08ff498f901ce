import pg from "pg";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type GatewayProcess, gatewayProcess } from "../fakes/gateway-process.ts";
import { lacks } from "../fakes/need-server.ts";
import { type PostgresServer, startPostgres } from "../fakes/postgres-server.ts";
import { startWecomLinkServer, type WecomLinkServer } from "../fakes/wecom-link-server.ts";

const BOT = "aibEXAMPLE000001";
const SECRET = "the-secret-of-the-long-connection";
const CORP = "wwexample000000001";
const PATIENCE = { timeout: 30_000, interval: 20 };

let platform: WecomLinkServer;
let gateway: GatewayProcess;
let postgres: PostgresServer | undefined;
let database = "";

beforeEach(async () => {
  platform = await startWecomLinkServer({ [BOT]: SECRET });
});
afterEach(async () => {
  await gateway.remove();
  await platform.close();
  await postgres?.close();
  postgres = undefined;
});

const start = async (secret = SECRET, storage?: { readonly url: string }): Promise<void> => {
  gateway = gatewayProcess({
    ...(storage && { storage }),
    channels: {
      wechat_work: { bots: [{ bot_id: BOT, secret, ws_url: platform.url, corp_id: CORP }] },
    },
    multi_tenant: {
      tenants: [
        {
          id: "echo",
          bindings: [{ channel: "wechat_work", workspace: CORP }],
          llm_config: { provider: "echo" },
        },
      ],
    },
  });
  await gateway.start();
};

const subscribed = () => vi.waitFor(() => expect(platform.isSubscribed(BOT)).toBe(true), PATIENCE);

const say = (content: string): boolean => {
  const body = {
    ...{ msgid: `id-${content}`, aibotid: BOT, chattype: "single", msgtype: "text" },
    ...{ from: { userid: `user${content.length}.${content.at(-1)}` }, text: { content } },
  };
  return platform.deliver(BOT, "aibot_msg_callback", body) !== undefined;
};

const answersTo = (content: string) =>
  platform.shown.filter(({ text }) => text.endsWith(content) && text.includes(content));

/** Which of these messages the store knows. */
const storedAmong = async (server: PostgresServer, said: readonly string[]) => {
  const client = new pg.Client({ connectionString: server.asSuperuser(database) });
  await client.connect();
  try {
    const { rows } = await client.query<{ key: string }>("SELECT key FROM inbox");
    return said.filter((content) => rows.some(({ key }) => key.endsWith(`id-${content}`)));
  } finally {
    await client.end();
  }
};

describe("the built gateway on a bot's long connection", () => {
  it("answers what is said, each message once, though it is killed in the middle", async () => {
    await start();
    await subscribed();
    const said: string[] = [];
    const stored: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      for (let index = 0; index < 20; index += 1) {
        const content = `message-${round}-${String(index).padStart(2, "0")}`;
        said.push(content);
        expect(say(content)).toBe(true);
      }
      // Some are answered, some are not: what was stored must be, all the same.
      await vi.waitFor(() => expect(platform.shown.length).toBeGreaterThan(round * 5), PATIENCE);
      await gateway.stop("SIGKILL");
      await vi.waitFor(() => expect(platform.isSubscribed(BOT)).toBe(false), PATIENCE);
      await gateway.start();
      await subscribed();
    }
    say("the-last");
    await vi.waitFor(() => expect(answersTo("the-last")).toHaveLength(1), PATIENCE);
    await vi.waitFor(() => {
      for (const record of gateway.audit()) {
        const found = said.find((content) => JSON.stringify(record).includes(`id-${content}"`));
        if (found && !stored.includes(found)) stored.push(found);
      }
      expect(stored.length).toBeGreaterThan(0);
      for (const content of stored) expect(answersTo(content), content).toHaveLength(1);
    }, PATIENCE);
    for (const content of said) expect(answersTo(content).length).toBeLessThanOrEqual(1);
    expect(gateway.output).not.toContain(SECRET);
  });

  it.skipIf(lacks("postgresql"))(
    "goes on by another replica when the owner is killed: one connection, each message once",
    { timeout: 120_000 },
    async () => {
      postgres = await startPostgres();
      database = await postgres.createDatabase();
      await start(SECRET, { url: database });
      const first = gateway;
      await subscribed();
      const second = first.beside({});
      try {
        await second.start();
        const said = Array.from({ length: 20 }, (_, index) => `message-${index + 10}`);
        for (const content of said) expect(say(content)).toBe(true);
        // Some are answered, some are stored, some are neither.
        await vi.waitFor(() => expect(platform.shown.length).toBeGreaterThan(2), PATIENCE);
        const connections = platform.connections();
        await first.stop("SIGKILL");
        await vi.waitFor(() => expect(platform.isSubscribed(BOT)).toBe(false), PATIENCE);
        // The lease of the dead one runs out after 15 s.
        await vi.waitFor(() => expect(platform.isSubscribed(BOT)).toBe(true), {
          ...{ timeout: 60_000, interval: 50 },
        });
        say("the-last");
        await vi.waitFor(() => expect(answersTo("the-last")).toHaveLength(1), PATIENCE);
        const stored = await storedAmong(postgres, said);
        expect(stored.length).toBeGreaterThan(2);
        await vi.waitFor(
          () => {
            for (const content of stored) expect(answersTo(content), content).toHaveLength(1);
          },
          { timeout: 60_000, interval: 100 },
        );
        for (const content of said) expect(answersTo(content).length).toBeLessThanOrEqual(1);
        expect(platform.connections()).toBe(connections + 1);
        expect(first.output + second.output).not.toContain("wecom_bot_displaced");
      } finally {
        await second.remove();
      }
    },
  );

  it("says in its health that the bot's secret is wrong", async () => {
    await start("not-the-secret");
    await vi.waitFor(async () => {
      const response = await fetch(`${gateway.url}/api/health/ready`);
      expect(await response.json()).toMatchObject({
        checks: {
          "channels.wechat_work": { ok: false, reason: expect.stringContaining("853000") },
        },
      });
    }, PATIENCE);
    expect(gateway.output).not.toContain("not-the-secret");
  });
});
