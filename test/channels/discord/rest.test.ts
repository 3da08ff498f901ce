import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createRest, type Rest } from "../../../channels/discord/rest.ts";
import { recordedMetrics } from "../../fakes/channel-metrics.ts";
import { type DiscordRest, startDiscordRest } from "../../fakes/discord-rest.ts";
import { eventually } from "../../fakes/eventually.ts";
import { freePort } from "../../fakes/free-port.ts";

const ROOM = "800000000000000001";
const OTHER = "800000000000000002";

let discord: DiscordRest;
let rest: Rest;

const newRest = (more: { token?: string; baseUrl?: string; timeoutMs?: number } = {}): Rest =>
  createRest({
    baseUrl: more.baseUrl ?? discord.apiBaseUrl,
    token: more.token ?? discord.token,
    now: () => new Date(),
    timeoutMs: more.timeoutMs ?? 5_000,
  });

beforeEach(async () => {
  discord = await startDiscordRest();
  for (const id of [ROOM, OTHER]) discord.channels.set(id, { id, type: 0 });
  rest = newRest();
});

afterEach(async () => {
  vi.useRealTimers();
  rest.close();
  await discord.close();
});

const post = (channelId = ROOM, client = rest) =>
  client.request("POST", `/channels/${channelId}/messages`, { body: { content: "hello" } });

describe("createRest", () => {
  it("posts with the bot's token and gives back what was made", async () => {
    expect(await post()).toMatchObject({ kind: "ok", body: { content: "hello" } });
    expect(discord.calls[0]?.authorization).toBe(`Bot ${discord.token}`);
  });

  it("sends no token where the route holds one", async () => {
    await rest.request("PATCH", "/webhooks/900000000000000001/abc/messages/@original", {
      ...{ body: {}, auth: false },
    });
    expect(discord.calls[0]?.authorization).toBeUndefined();
  });

  it.each([
    ["a 500", { status: 500 }, { kind: "lost", reason: "HTTP 500" }],
    ["a 500 after the message was made", { status: 502, isDone: true }, { kind: "lost" }],
    ["a cut connection", { cut: "lost" }, { kind: "lost" }],
    ["a refusal", { status: 403, code: 50013 }, { kind: "failed", status: 403, code: 50013 }],
    ["a proxy's refusal", { pageStatus: 403 }, { kind: "unreachable", reason: "HTTP 403" }],
    ["a room that a proxy lacks", { pageStatus: 404 }, { kind: "unreachable" }],
    ["a proxy's limit of size", { pageStatus: 413 }, { kind: "failed", status: 413, code: 0 }],
  ] as const)("tries once only and tells of %s", async (_, fault, outcome) => {
    discord.failNext("POST /channels/:id/messages", fault);
    expect(await post()).toMatchObject(outcome);
    expect(discord.calls).toHaveLength(1);
  });

  it("counts what Discord answers: its own code, else that of HTTP, else what there was instead", async () => {
    const metrics = recordedMetrics();
    const { apiBaseUrl: baseUrl, token } = discord;
    const counting = createRest({ baseUrl, token, now: () => new Date(), metrics });
    discord.failNext("*", { status: 403, code: 50013 }, { status: 500 }, { cut: "lost" });
    for (let times = 0; times < 4; times++) await post(ROOM, counting);
    counting.close();
    expect(metrics.counted).toEqual(["api 50013", "api lost", "api lost", "api ok"]);
  });

  it("ends a call that hangs, and one whose caller leaves", async () => {
    discord.failNext("*", { hang: "lost" }, { hang: "lost" });
    const quick = newRest({ timeoutMs: 50 });
    expect(await post(ROOM, quick)).toMatchObject({ kind: "lost" });
    const leaving = new AbortController();
    const call = rest.request("GET", "/users/@me", { signal: leaving.signal });
    leaving.abort();
    expect(await call).toMatchObject({ kind: "lost" });
    quick.close();
  });

  it("takes none of a call's time for the one before it on the same route that hangs", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    discord.failNext("*", { hang: "lost" });
    const quick = newRest({ timeoutMs: 300 });
    const member = (id: string) => quick.request("GET", `/guilds/${OTHER}/members/${id}`);
    const both = Promise.all([member(ROOM), member(OTHER)]);
    await eventually(() => expect(discord.calls).toHaveLength(1));
    await vi.advanceTimersByTimeAsync(300);
    const [hanging, behind] = await both;
    expect(hanging).toMatchObject({ kind: "lost" });
    expect(behind).toMatchObject({ kind: "failed", code: 10004 });
    quick.close();
  });

  it("knows that nothing arrived where nobody listens", async () => {
    const nowhere = newRest({ baseUrl: `http://127.0.0.1:${await freePort()}/api` });
    expect(await post(ROOM, nowhere)).toMatchObject({ kind: "unreachable" });
    nowhere.close();
  });

  it("says when to come again after a 429 and does not call before, other rooms not delayed", async () => {
    for (const isBare of [false, true]) {
      const room = isBare ? ROOM : OTHER;
      const other = isBare ? OTHER : ROOM;
      discord.failNext("POST /channels/:id/messages", { limitS: 30, isBare });
      const outcome = await post(room);
      expect(outcome).toMatchObject({ kind: "limited", isGlobal: false });
      expect(outcome.kind === "limited" && outcome.afterMs).toBeGreaterThan(29_000);
      const before = discord.calls.length;
      expect(await post(room)).toMatchObject({ kind: "limited" });
      expect(discord.calls).toHaveLength(before);
      if (isBare) continue;
      expect(await post(other)).toMatchObject({ kind: "ok" });
    }
  });

  it("holds every route of the bot after a global 429", async () => {
    discord.failNext("POST /channels/:id/messages", { limitS: 30, isGlobal: true });
    expect(await post()).toMatchObject({ kind: "limited", isGlobal: true });
    expect(await post(OTHER)).toMatchObject({ kind: "limited", isGlobal: true });
    expect(await rest.request("GET", "/users/@me")).toMatchObject({ kind: "limited" });
    expect(discord.calls).toHaveLength(1);
  });

  it.each([
    ["a route", { limitS: 1e9, isBare: true }],
    ["every route", { limitS: 1e9, isGlobal: true }],
  ] as const)("believes in no limit of more than an hour, of %s", async (_, fault) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const lasting = newRest();
    discord.failNext("POST /channels/:id/messages", fault);
    const hourMs = 60 * 60_000;
    expect(await post(ROOM, lasting)).toMatchObject({ kind: "limited", afterMs: hourMs });
    vi.setSystemTime(Date.now() + hourMs - 1_000);
    expect(await post(ROOM, lasting)).toMatchObject({ kind: "limited" });
    expect(discord.calls).toHaveLength(1);
    vi.setSystemTime(Date.now() + 1_001);
    await post(ROOM, lasting);
    expect(discord.calls).toHaveLength(2);
    lasting.close();
  });

  it("stops by itself where a bucket is used up, before a 429 comes", async () => {
    const limited = await startDiscordRest({ bucket: { limit: 2, windowS: 30 } });
    limited.channels.set(ROOM, { id: ROOM });
    const client = newRest({ baseUrl: limited.apiBaseUrl });
    const outcomes = [await post(ROOM, client), await post(ROOM, client), await post(ROOM, client)];
    expect(outcomes.map(({ kind }) => kind)).toEqual(["ok", "ok", "limited"]);
    expect(limited.calls.map(({ status }) => status)).toEqual([200, 200]);
    client.close();
    await limited.close();
  });

  it("uses a refused token once, says what to do, and still answers interactions", async () => {
    const wrong = newRest({ token: "wrong" });
    expect(wrong.fault()).toBeUndefined();
    expect(await post(ROOM, wrong)).toEqual({ kind: "unauthorized" });
    expect(await post(ROOM, wrong)).toEqual({ kind: "unauthorized" });
    expect(discord.calls).toHaveLength(1);
    expect(wrong.fault()).toMatch(/401.*channels\.discord\.bot_token/);
    const callback = "/interactions/900000000000000009/abc/callback";
    expect(await wrong.request("POST", callback, { body: { type: 5 }, auth: false })).toMatchObject(
      { kind: "failed", code: 10062 },
    );
    wrong.close();
  });

  it("takes an expired interaction token for what it is, not for the bot's", async () => {
    discord.failNext("*", { status: 401, code: 50027 });
    const outcome = await rest.request(
      "PATCH",
      "/webhooks/900000000000000001/x/messages/@original",
      {
        ...{ body: {}, auth: false },
      },
    );
    expect(outcome).toMatchObject({ kind: "failed", status: 401, code: 50027 });
    expect(rest.fault()).toBeUndefined();
  });

  it.each(["", "/", "/v10", "/v10/"])(
    "puts the version behind its address once: %j",
    async (end) => {
      const client = newRest({ baseUrl: `${discord.apiBaseUrl.replace(/\/+$/, "")}${end}` });
      expect(await client.request("GET", "/users/@me")).toMatchObject({ kind: "ok" });
      client.close();
    },
  );

  const answering = async (listener: RequestListener) => {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const client = newRest({ baseUrl: `http://127.0.0.1:${port}` });
    const close = () => {
      client.close();
      server.closeAllConnections();
      server.close();
    };
    return { client, close };
  };

  it("follows no redirect with its token", async () => {
    const paths: (string | undefined)[] = [];
    const { client, close } = await answering((request, response) => {
      paths.push(request.url);
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    expect(await client.request("GET", "/users/@me")).toEqual({
      ...{ kind: "unreachable", reason: "HTTP 302" },
    });
    expect(paths).toEqual(["/v10/users/@me"]);
    close();
  });

  it("takes nothing for no answer, unless Discord says that there is none", async () => {
    const statuses = [200, 204];
    const { client, close } = await answering((_request, response) => {
      response.writeHead(statuses.shift() ?? 500).end();
    });
    expect(await post(ROOM, client)).toMatchObject({ kind: "lost" });
    expect(await post(ROOM, client)).toEqual({ kind: "ok", body: undefined });
    close();
  });

  it("asks for answers in the form that it reads", async () => {
    const { client, close } = await answering((request, response) => {
      // What is not named is welcome. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
      const isPlain = request.headers["accept-encoding"] === "identity";
      const coding = isPlain ? {} : { "content-encoding": "gzip" };
      response.writeHead(200, { "content-type": "application/json", ...coding });
      response.end(isPlain ? '{"id":"1"}' : gzipSync('{"id":"1"}'));
    });
    expect(await client.request("GET", "/users/@me")).toEqual({ kind: "ok", body: { id: "1" } });
    close();
  });
});
