import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type ConnectionOptions,
  type Ending,
  runConnection,
} from "../../../channels/discord/gateway-connection.ts";
import { type DiscordGatewayServer, startDiscordGateway } from "../../fakes/discord-gateway.ts";
import { recordedLog } from "../../fakes/log.ts";

const TOKEN = "the-token-of-the-bot";
const BOT = { id: "910000000000000001", username: "bot", bot: true };
const PATIENCE = { timeout: 10_000, interval: 5 };

let platform: DiscordGatewayServer;
let stopping: AbortController;
let dispatched: { readonly name: string; readonly data: unknown }[];
let ups: string[];

const start = async (heartbeatMs = 45_000): Promise<void> => {
  platform = await startDiscordGateway({ token: TOKEN, bot: BOT, heartbeatMs });
};

beforeEach(() => {
  stopping = new AbortController();
  dispatched = [];
  ups = [];
});
afterEach(async () => {
  stopping.abort();
  await platform.stop();
});

const connect = (options: Partial<ConnectionOptions> = {}): Promise<Ending> =>
  runConnection({
    shard: { id: 0, count: 1 },
    token: TOKEN,
    intents: 1,
    info: { url: platform.url, shards: 1, remaining: 9, resetAfterMs: 0, maxConcurrency: 1 },
    session: undefined,
    mayIdentify: async () => {},
    ready: () => void ups.push("ready"),
    resumed: () => void ups.push("resumed"),
    dispatched: (name, data) => void dispatched.push({ name, data }),
    timings: { upMs: 5_000, graceMs: 250 },
    log: recordedLog(),
    signal: stopping.signal,
    ...options,
  });

const names = () => dispatched.map(({ name }) => name);
const up = () => vi.waitFor(() => expect(ups).not.toEqual([]), PATIENCE);

describe("a connection to the gateway", () => {
  it("logs in and hands over what happens, in order", async () => {
    await start();
    const ended = connect();
    await up();
    for (const id of ["1", "2", "3"]) platform.dispatch("MESSAGE_CREATE", { id });
    await vi.waitFor(() => expect(dispatched).toHaveLength(4), PATIENCE);
    expect(dispatched.slice(1).map(({ data }) => data)).toEqual([
      { id: "1" },
      { id: "2" },
      { id: "3" },
    ]);
    expect(platform.identifies).toEqual([
      expect.objectContaining({ token: TOKEN, intents: 1, shard: [0, 1] }),
    ]);
    stopping.abort();
    expect((await ended).kind).toBe("broken");
    await vi.waitFor(() => expect(platform.isUp()).toBe(false), PATIENCE);
  });

  it.each([
    ["is asked to reconnect", () => platform.askToReconnect()],
    ["is cut", () => platform.drop()],
    ["is closed with a code that says nothing", () => platform.close(4000)],
  ])("can be taken up again when it %s, and what was missed is replayed", async (_how, break_) => {
    await start();
    const first = connect();
    await up();
    platform.dispatch("MESSAGE_CREATE", { id: "1" });
    await vi.waitFor(() => expect(names()).toContain("MESSAGE_CREATE"), PATIENCE);
    break_();
    const { kind, session } = await first;
    expect(kind).toBe("broken");
    platform.dispatch("MESSAGE_CREATE", { id: "2" });
    void connect({ session });
    await vi.waitFor(() => expect(ups).toEqual(["ready", "resumed"]), PATIENCE);
    expect(names()).toEqual(["READY", "MESSAGE_CREATE", "MESSAGE_CREATE", "RESUMED"]);
    expect(platform.identifies).toHaveLength(1);
  });

  it("says that the session is gone when Discord ends it", async () => {
    await start();
    const first = connect();
    await up();
    platform.drop();
    const { session } = await first;
    platform.invalidate();
    expect(await connect({ session })).toMatchObject({ kind: "invalid", session: undefined });
  });

  it("does not come back by itself: that is its owner's business", async () => {
    await start();
    const ended = connect();
    await up();
    platform.drop();
    await ended;
    // The library waits for half a second before it would.
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(platform.connections()).toBe(1);
  });

  it("is over when heartbeats are no longer acknowledged", async () => {
    await start(50);
    const ended = connect();
    await up();
    platform.acknowledges = false;
    // Whoever notices first, the library or we.
    expect(await ended).toMatchObject({ kind: "broken", session: expect.anything() });
  });

  it("is over when the other side is deaf, without waiting for its goodbye", async () => {
    await start(50);
    const ended = connect();
    await up();
    platform.goDeaf();
    expect((await ended).kind).toBe("broken");
  });

  it("stays while heartbeats are acknowledged", async () => {
    await start(250);
    const ended = connect();
    await up();
    const first = await Promise.race([
      ended,
      new Promise((resolve) => setTimeout(resolve, 800, "still up")),
    ]);
    expect(first).toBe("still up");
  });

  it.each([
    [4004, "channels.discord.bot_token"],
    [4011, "channels.discord.shards"],
    [4014, "Message Content Intent"],
  ])("says what to do after close code %i", async (code, remedy) => {
    await start();
    const ended = connect();
    await up();
    platform.close(code);
    expect(await ended).toMatchObject({
      kind: "fatal",
      reason: expect.stringContaining(remedy),
    });
  });

  it("is refused with a token that is not good", async () => {
    await start();
    const ended = await connect({ token: "guessed" });
    expect(ended.kind).toBe("fatal");
    expect(JSON.stringify(ended)).not.toContain("guessed");
  });

  it("is over when nobody says hello", async () => {
    await start();
    platform.isAway = true;
    expect((await connect()).kind).toBe("broken");
    platform.isAway = false;
    await platform.stop();
    expect((await connect()).kind).toBe("broken");
    await start();
  });

  it("survives frames that make no sense", async () => {
    await start();
    void connect();
    await up();
    for (const frame of [
      "",
      "{",
      "null",
      "7",
      "[]",
      '"op"',
      '{"op":0}',
      '{"op":0,"t":null,"s":"x","d":null}',
      '{"op":0,"t":"READY","s":9,"d":null}',
      '{"op":0,"t":5,"s":null,"d":[]}',
      '{"op":1e9,"d":{}}',
      '{"op":11,"d":{"op":10}}',
      '{"op":"10"}',
    ]) {
      platform.raw(frame);
    }
    platform.dispatch("MESSAGE_CREATE", { id: "1" });
    await vi.waitFor(() => expect(names()).toContain("MESSAGE_CREATE"), PATIENCE);
  });

  it.each([
    ['{"op":10}', "broken"],
    ['{"op":10,"d":{"heartbeat_interval":0}}', "broken"],
    ['{"op":10,"d":null}', "broken"],
    ['{"op":9}', "invalid"],
    ['{"op":9,"d":null}', "invalid"],
  ])("is over after %s, which would end the library", async (frame, kind) => {
    await start();
    const ended = connect();
    await up();
    platform.raw(frame);
    expect((await ended).kind).toBe(kind);
  });

  it.each(["ws://evil.example", "wss://evil.example"])(
    "does not tell its token to %s, which READY should not name",
    async (resume) => {
      await start();
      const ended = connect();
      await vi.waitFor(() => expect(ups).toEqual(["ready"]), PATIENCE);
      const data = { session_id: "s", resume_gateway_url: resume, user: BOT };
      platform.raw(JSON.stringify({ op: 0, t: "READY", s: 1_000, d: data }));
      await vi.waitFor(() => expect(ups).toHaveLength(2), PATIENCE);
      platform.drop();
      expect((await ended).session?.resumeURL).toBe(platform.url);
    },
  );

  it("ends at once when it is told to before it was opened", async () => {
    await start();
    stopping.abort();
    expect((await connect()).kind).toBe("broken");
    expect(platform.connections()).toBe(0);
  });
});
