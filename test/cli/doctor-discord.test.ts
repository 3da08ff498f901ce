import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { examineDiscord } from "../../cli/doctor-discord.ts";
import { settingsSchema } from "../../config/schema.ts";

const TOKEN = "the-token";
const GUILD = "900000000000000001";
const INTENT = 1 << 19;

let api: Server;
let answers: Map<string, { readonly status: number; readonly body: object }>;

beforeEach(async () => {
  answers = new Map([
    ["/api/v10/applications/@me", { status: 200, body: { id: "5", flags: INTENT } }],
    [`/api/v10/guilds/${GUILD}`, { status: 200, body: { name: "ours" } }],
  ]);
  api = createServer((request, response) => {
    const isOurs = request.headers.authorization === `Bot ${TOKEN}`;
    const found = isOurs ? answers.get(request.url ?? "") : { status: 401, body: {} };
    response.writeHead(found?.status ?? 404).end(JSON.stringify(found?.body ?? {}));
  });
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
});
afterEach(() => {
  api.close();
  api.closeAllConnections();
});

const examine = (changes: object = {}) => {
  const { port } = api.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}/api`;
  return examineDiscord(
    settingsSchema.parse({
      channels: {
        discord: { bot_token: TOKEN, application_id: "5", api_base_url: base, ...changes },
      },
      multi_tenant: {
        tenants: [{ id: "a", bindings: [{ channel: "discord", workspace: GUILD }] }],
      },
    }),
  );
};

describe("the Discord checks", () => {
  it("find nothing wrong where all is well", async () => {
    const findings = await examine();
    expect(findings.map(({ state }) => state)).toEqual(["ok", "ok", "ok"]);
  });

  it("say that the token is wrong, without repeating it", async () => {
    const findings = await examine({ bot_token: "guessed-token" });
    expect(findings).toMatchObject([{ state: "bad", remedy: expect.stringContaining("portal") }]);
    expect(JSON.stringify(findings)).not.toContain("guessed-token");
  });

  it("say that the token is another application's, the intent off, and the bot not invited", async () => {
    answers.set("/api/v10/applications/@me", { status: 200, body: { id: "6", flags: 0 } });
    answers.delete(`/api/v10/guilds/${GUILD}`);
    const findings = await examine();
    expect(findings.map(({ state }) => state)).toEqual(["bad", "bad", "bad"]);
    expect(findings.map(({ remedy }) => remedy).join()).toMatch(/application_id.*Bot.*invite/s);
  });

  it("cannot judge what Discord does not answer", async () => {
    answers.set("/api/v10/applications/@me", { status: 503, body: {} });
    expect(await examine()).toMatchObject([{ state: "unknown" }]);
  });

  it("look at nothing where the channel is off", async () => {
    expect(await examine({ enabled: false })).toEqual([]);
  });
});
