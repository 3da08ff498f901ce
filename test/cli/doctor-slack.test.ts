import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SCOPES } from "../../channels/slack/scopes.ts";
import { examineSlack } from "../../cli/doctor-slack.ts";
import { settingsSchema } from "../../config/schema.ts";

const TOKEN = "xoxb-the-token";
const TEAM = "T0TEAM";

let api: Server;
/** By the last part of their path. */
let answers: Map<string, object>;
let scopes: readonly string[];
let isAway: boolean;

beforeEach(async () => {
  isAway = false;
  scopes = SCOPES;
  answers = new Map<string, object>([
    ["auth.test", { ok: true, team_id: TEAM, user_id: "U0BOT" }],
    ["apps.connections.open", { ok: true, url: "wss://example.com" }],
  ]);
  api = createServer((request, response) => {
    const isOurs = request.headers.authorization === `Bearer ${TOKEN}`;
    const found = answers.get((request.url ?? "").split("/").at(-1) ?? "");
    response.writeHead(isAway ? 503 : 200, {
      "content-type": "application/json",
      "x-oauth-scopes": scopes.join(","),
    });
    response.end(JSON.stringify(isOurs ? found : { ok: false, error: "invalid_auth" }));
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
  const url = `http://127.0.0.1:${port}`;
  return examineSlack(
    settingsSchema.parse({
      // Whoever answers there is no gateway.
      server: { public_url: url },
      channels: {
        slack: {
          ...{ mode: "socket", app_token: TOKEN, bot_token: TOKEN },
          ...{ api_base_url: `${url}/api/`, ...changes },
        },
      },
    }),
  );
};

describe("the Slack checks", () => {
  it("find nothing wrong where all is well", async () => {
    const findings = await examine({ workspaces: [{ team_id: TEAM, bot_token: TOKEN }] });
    expect(findings.map(({ state }) => state)).toEqual(["ok", "ok", "ok"]);
  });

  it("say that tokens are refused, without repeating them", async () => {
    const findings = await examine({ bot_token: "xoxb-guessed", app_token: "xapp-guessed" });
    expect(findings.map(({ state, text }) => [state, text])).toEqual([
      ["bad", expect.stringContaining("invalid_auth")],
      ["bad", expect.stringContaining("invalid_auth")],
    ]);
    expect(JSON.stringify(findings)).not.toContain("guessed");
  });

  it("say which scopes are missing, and that a token is another workspace's", async () => {
    scopes = SCOPES.filter((scope) => scope !== "files:write" && scope !== "assistant:write");
    expect(await examine()).toMatchObject([
      { state: "bad", text: "bot_token: may not files:write" },
      { state: "ok" },
    ]);
    const [finding] = await examine({
      ...{ bot_token: undefined, workspaces: [{ team_id: "T0ELSE", bot_token: TOKEN }] },
    });
    expect(finding).toMatchObject({ state: "bad", text: expect.stringContaining(TEAM) });
  });

  it("say that nobody at the webhook's address knows the signing secret", async () => {
    const http = { mode: "http", signing_secret: "s3cret" };
    const [, url] = await examine(http);
    expect(url).toMatchObject({ check: "slack url", state: "bad" });
    expect(JSON.stringify(url)).not.toContain("s3cret");
    const [, missing] = await examine({ mode: "http" });
    expect(missing).toMatchObject({
      state: "bad",
      text: "channels.slack.signing_secret is missing",
    });
  });

  it("cannot judge what Slack does not answer", async () => {
    isAway = true;
    expect((await examine()).map(({ state }) => state)).toEqual(["unknown", "unknown"]);
  });

  it("look at nothing where the channel is off", async () => {
    expect(await examine({ enabled: false })).toEqual([]);
  });

  it("expect the scopes that the manifest in the guide asks for", () => {
    const guide = readFileSync(join(import.meta.dirname, "..", "..", "docs", "slack.md"), "utf8");
    const listed = /\n {4}bot:\n((?: {6}- \S+\n)+)/.exec(guide)?.[1] ?? "";
    const asked = [...listed.matchAll(/- (\S+)/g)].map(([, scope]) => scope);
    expect(asked).toEqual([...SCOPES]);
  });
});
