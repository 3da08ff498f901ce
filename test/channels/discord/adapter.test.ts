import { generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { createDiscordAdapter, type DiscordBot } from "../../../channels/discord/adapter.ts";
import { fromBody } from "../../../channels/discord/outgoing.ts";
import { discordTarget } from "../../../channels/discord/target.ts";
import { createLeases } from "../../../core/channel-state/leases.ts";
import type { WebhookRequest } from "../../../core/contract/channel.ts";
import { type ChannelHarness, describeChannel } from "../../contract/channel.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { startDiscordRest } from "../../fakes/discord-rest.ts";
import { recordedLog } from "../../fakes/log.ts";

const PATH = "/api/discord/interactions";
const APPLICATION = "910000000000000001";
const GUILD = "900000000000000001";
const ROOM = "900000000000000011";

const ours = generateKeyPairSync("ed25519");
const others = generateKeyPairSync("ed25519");
const publicKey = ours.publicKey.export({ format: "der", type: "spki" }).subarray(-32);

const signed = (
  body: string,
  forgery: { readonly key?: typeof ours.privateKey; readonly ageS?: number } = {},
): WebhookRequest => {
  const timestamp = String(Math.floor(Date.now() / 1000) - (forgery.ageS ?? 0));
  const bytes = Buffer.from(body);
  const signature = sign(
    null,
    Buffer.concat([Buffer.from(timestamp), bytes]),
    forgery.key ?? ours.privateKey,
  );
  return {
    ...{ method: "POST", query: "", body: bytes, hungUp: new Promise(() => {}) },
    headers: {
      "x-signature-ed25519": signature.toString("hex"),
      "x-signature-timestamp": timestamp,
    },
  };
};

const asked = (question: string, id: string): string =>
  JSON.stringify({
    ...{ id, application_id: APPLICATION, type: 2, token: "token-of-one-interaction", version: 1 },
    data: {
      id: "5",
      name: "ask",
      type: 1,
      options: [{ name: "question", type: 3, value: question }],
    },
    ...{ guild_id: GUILD, channel_id: ROOM, channel: { id: ROOM, type: 0 }, locale: "en-US" },
    member: { user: { id: "800000000000000001", username: "ann" }, roles: [] },
  });

const withHeaders = (request: WebhookRequest, headers: WebhookRequest["headers"]) => ({
  ...request,
  headers: { ...request.headers, ...headers },
});

const newAdapter = (bot: Partial<DiscordBot> = {}, now = () => new Date(), timeoutMs = 500) => {
  const [state, log] = [memoryState(), recordedLog()];
  return createDiscordAdapter({
    bot: {
      ...{ mode: "interactions", bot_token: "token", application_id: APPLICATION },
      ...{ public_key: publicKey.toString("hex"), webhook_path: PATH },
      // Nobody listens there.
      api_base_url: "http://127.0.0.1:9/api",
      ...bot,
    },
    ...{ state, log, leases: createLeases({ state, log }), boundGuilds: () => [GUILD] },
    ...{ now, timeoutMs },
  });
};

const harness = (): ChannelHarness => {
  const genuine = signed(asked("hello", "1"));
  const adapter = newAdapter();
  return {
    adapter,
    path: PATH,
    message: (text, id) => signed(asked(text, id)),
    forged: () => ({
      "another key": signed(asked("hello", "1"), { key: others.privateKey }),
      "an old request": signed(asked("hello", "1"), { ageS: 302 }),
      "a request from the future": signed(asked("hello", "1"), { ageS: -302 }),
      "another body": { ...genuine, body: Buffer.from(asked("hello", "2")) },
      "another timestamp": withHeaders(genuine, { "x-signature-timestamp": "1700000000" }),
      "no signature": withHeaders(genuine, { "x-signature-ed25519": undefined }),
      "no timestamp": withHeaders(genuine, { "x-signature-timestamp": undefined }),
      "a signature that is too short": withHeaders(genuine, { "x-signature-ed25519": "00" }),
      "a signature that is no hex": withHeaders(genuine, {
        "x-signature-ed25519": "z".repeat(128),
      }),
      "two signatures": withHeaders(genuine, { "x-signature-ed25519": ["a", "b"] }),
    }),
    unreadable: () => ({
      "no JSON": signed("hello"),
      "no object": signed('["hello"]'),
      "no interaction": signed('{"type":2}'),
      "bytes that are no UTF-8": (() => {
        const request = signed("");
        const timestamp = String(request.headers["x-signature-timestamp"]);
        const body = Buffer.from([0x7b, 0xff, 0x7d]);
        const bytes = Buffer.concat([Buffer.from(timestamp), body]);
        const signature = sign(null, bytes, ours.privateKey).toString("hex");
        return { ...withHeaders(request, { "x-signature-ed25519": signature }), body };
      })(),
      "a GET": { ...genuine, method: "GET" },
    }),
    part: () => ({
      id: "part-1",
      target: discordTarget({ channelId: ROOM, guildId: GUILD, replyTo: "1" }),
      body: adapter.render({ kind: "text", markdown: "hello" })[0] ?? "",
      ...{ attempt: 1, isRepeat: false },
    }),
    textIn: (body) => {
      const message = fromBody(body);
      if (message.kind === "text") return message.content;
      return message.kind === "file" ? Buffer.from(message.data, "base64").toString() : "";
    },
    refusesBlanks: true,
    isTurnedAway: ({ body }) =>
      (JSON.parse(body ?? "{}") as { type?: number }).type === TELLS_AT_ONCE,
  };
};

// An answer in the response itself: nothing follows it.
const TELLS_AT_ONCE = 4;

describeChannel("discord", harness);

describe("the Discord adapter", () => {
  it("answers Discord's ping, and only a signed one", async () => {
    const adapter = newAdapter();
    await adapter.start(() => Promise.reject(new Error("a ping is no message")));
    const webhook = adapter.webhooks.get(PATH);
    expect(await webhook?.(signed('{"type":1}'))).toMatchObject({
      status: 200,
      contentType: "application/json",
      body: '{"type":1}',
    });
    await adapter.stop();
  });

  it("does not hold up a room that Discord limited for a moment when the clock is set back", async () => {
    const discord = await startDiscordRest();
    discord.channels.set(ROOM, { id: ROOM, type: 0 });
    let time = Date.now();
    const adapter = newAdapter(
      { api_base_url: discord.apiBaseUrl, bot_token: discord.token },
      () => new Date(time),
      20_000,
    );
    const target = discordTarget({ channelId: ROOM, guildId: GUILD, replyTo: "1" });
    const [body = ""] = adapter.render({ kind: "text", markdown: "hello" });
    const part = { ...{ id: "1.0", target, body }, attempt: 1, isRepeat: false };
    const send = () => adapter.send(part, new AbortController().signal);
    discord.failNext("POST /channels/:id/messages", { limitS: 0.2, isBare: true });
    expect(await send()).toMatchObject({ kind: "retry" });
    time -= 3_600_000;
    await vi.waitFor(async () => expect(await send()).toEqual({ kind: "delivered" }), {
      ...{ timeout: 20_000, interval: 20 },
    });
    await adapter.stop();
    await discord.close();
  });

  it("says what is wrong with a public key that is none, and serves nothing with it", () => {
    const adapter = newAdapter({ public_key: "not-a-key" });
    expect(adapter.fault?.()).toContain("channels.discord.public_key");
    expect([...adapter.webhooks.keys()]).toEqual([]);
  });
});
