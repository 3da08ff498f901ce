import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWebApi } from "../../../channels/slack/web-api.ts";
import { recordedMetrics } from "../../fakes/channel-metrics.ts";
import { recordedLog } from "../../fakes/log.ts";
import { type Bot, type SlackApi, startSlackApi } from "../../fakes/slack-api.ts";
import { forever } from "./sender-fixture.ts";

let slack: SlackApi;
let bot: Bot;

beforeEach(async () => {
  slack = await startSlackApi();
  bot = slack.install("T0TEAM");
});

afterEach(() => slack.close());

const open = (timeoutMs = 5_000) =>
  createWebApi({ baseUrl: slack.baseUrl, log: recordedLog(), timeoutMs });

// One that goes directly, and one that Slack's own client makes.
const METHODS = [
  ["chat.postMessage", { channel: "C0ROOM", text: "hi", metadata: { event_type: "x" } }],
  ["users.info", { user: "U0ASKER" }],
] as const;

describe.each(METHODS)("a call of %s", (method, args) => {
  it("is counted by Slack's own word, or by what there was instead", async () => {
    const metrics = recordedMetrics();
    const api = createWebApi({ baseUrl: slack.baseUrl, log: recordedLog(), metrics });
    await api.call(bot.token, method, args, forever);
    await api.call("xoxb-unknown", method, args, forever);
    expect(metrics.counted).toEqual(["api ok", "api invalid_auth"]);
  });

  it("brings its arguments and its token, and what Slack says", async () => {
    const outcome = await open().call(bot.token, method, { ...args, nothing: undefined }, forever);
    expect(outcome).toMatchObject({ kind: "ok", body: { ok: true } });
    expect(slack.calls).toMatchObject([{ method, token: bot.token, args }]);
    expect(slack.calls[0]?.args).not.toHaveProperty("nothing");
  });

  it.each([
    [
      { kind: "error", error: "not_in_channel" },
      { kind: "error", error: "not_in_channel" },
    ],
    [{ kind: "error", error: "ratelimited" }, { kind: "limited" }],
    [
      { kind: "limited", retryAfterS: 7 },
      { kind: "limited", afterMs: 7_000 },
    ],
    [{ kind: "limited" }, { kind: "limited", afterMs: 5_000 }],
    [
      { kind: "limited", retryAfterS: "soon" },
      { kind: "limited", afterMs: 5_000 },
    ],
    [
      { kind: "status", status: 500 },
      { kind: "lost", reason: "HTTP 500" },
    ],
    [
      { kind: "status", status: 403 },
      { kind: "unreachable", reason: "HTTP 403" },
    ],
    [{ kind: "page" }, { kind: "lost", reason: "an answer that is not the API's" }],
    [{ kind: "drop" }, { kind: "lost" }],
  ] as const)("is judged by what came back: %j", async (fault, expected) => {
    slack.fail(method, fault);
    expect(await open().call(bot.token, method, args, forever)).toMatchObject(expected);
    expect(slack.calls).toHaveLength(1);
  });

  it("that hangs is over after its time, and holds up no other", async () => {
    slack.fail(method, { kind: "hang" });
    const api = open(400);
    const hanging = api.call(bot.token, method, args, forever);
    expect(await api.call(bot.token, method, args, forever)).toMatchObject({ kind: "ok" });
    expect(await hanging).toMatchObject({ kind: "lost" });
  });

  it("ends when nobody wants it any more", async () => {
    slack.fail(method, { kind: "hang" });
    const leaving = new AbortController();
    const call = open().call(bot.token, method, args, leaving.signal);
    leaving.abort();
    expect(await call).toMatchObject({ kind: expect.stringMatching(/lost|unreachable/) });
    expect(await open().call(bot.token, method, args, leaving.signal)).toEqual({
      kind: "unreachable",
      reason: "aborted before the call",
    });
  });

  it("does not follow a redirect with the token", async () => {
    const server: Server = createServer((_, response) => {
      response.writeHead(307, { location: `${slack.baseUrl}${method}` }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const baseUrl = `http://127.0.0.1:${port}/api/`;
    const api = createWebApi({ baseUrl, log: recordedLog() });
    const outcome = await api.call(bot.token, method, args, forever);
    expect(outcome.kind).not.toBe("ok");
    expect(slack.calls).toEqual([]);
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });

  const answered = async (listener: RequestListener) => {
    const server: Server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const api = createWebApi({ baseUrl: `http://127.0.0.1:${port}/api/`, log: recordedLog() });
    const outcome = await api.call(bot.token, method, args, forever);
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
    return outcome;
  };

  it("asks for an answer in a form that is read", async () => {
    const outcome = await answered((request, response) => {
      // What is not named is welcome. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
      const isPlain = request.headers["accept-encoding"] === "identity";
      const coding = isPlain ? {} : { "content-encoding": "gzip" };
      response.writeHead(200, { "content-type": "application/json", ...coding });
      response.end(isPlain ? '{"ok":true}' : gzipSync('{"ok":true}'));
    });
    expect(outcome).toMatchObject({ kind: "ok" });
  });

  it.each([
    [{ ok: true, warning: null, response_metadata: null }, { kind: "ok" }],
    [{ ok: true, response_metadata: { warnings: null, messages: null } }, { kind: "ok" }],
    [
      { ok: false, error: "not_in_channel", response_metadata: { messages: null } },
      { kind: "error", error: "not_in_channel" },
    ],
  ])("takes null for what is not there: %j", async (said, outcome) => {
    const answer = answered((_request, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(said));
    });
    expect(await answer).toMatchObject(outcome);
  });

  it.each([204, 502])("takes a status without a body, %i, for no answer", async (status) => {
    const outcome = await answered((_request, response) => response.writeHead(status).end());
    expect(outcome).toMatchObject({ kind: "lost" });
  });

  it("that finds nobody there certainly did not arrive", async () => {
    const gone = await startSlackApi();
    await gone.close();
    const api = createWebApi({ baseUrl: gone.baseUrl, log: recordedLog() });
    expect(await api.call(bot.token, method, args, forever)).toEqual({
      kind: "unreachable",
      reason: "ECONNREFUSED",
    });
  });
});
