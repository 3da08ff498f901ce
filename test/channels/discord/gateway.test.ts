import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createGateway, GATEWAY_TIMINGS, type Gateway } from "../../../channels/discord/gateway.ts";
import type { Payload } from "../../../channels/discord/payload.ts";
import type { Rest, RestOutcome } from "../../../channels/discord/rest.ts";
import { readTarget } from "../../../channels/discord/target.ts";
import { createLeases } from "../../../core/channel-state/leases.ts";
import type { Receive } from "../../../core/contract/channel.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { recordedMetrics } from "../../fakes/channel-metrics.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { type DiscordGatewayServer, startDiscordGateway } from "../../fakes/discord-gateway.ts";
import { type RecordedLog, recordedLog } from "../../fakes/log.ts";

const TOKEN = "the-token-of-the-bot";
const BOT = { id: "910000000000000001", username: "bot", bot: true };
const GUILD = "900000000000000001";
const ROOM = "900000000000000011";
const OUR_ROLE = "900000000000000021";
const DM = "900000000000000031";
const ANN = "800000000000000001";
const PATIENCE = { timeout: 10_000, interval: 5 };
const QUICK = {
  connection: { upMs: 5_000, graceMs: 50 },
  owner: {
    ...GATEWAY_TIMINGS.owner,
    ...{ leaseMs: 20, firstRetryMs: 20, longestLookupMs: 50, longestRetryMs: 50, toleratedMs: 50 },
  },
  intake: { retriesMs: [5], firstCatchUpMs: 20, longestCatchUpMs: 50, guildsMs: 50 },
  flushMs: 20,
};

let platform: DiscordGatewayServer;
let guilds: Payload[];
let gateways: Gateway[];
let state: ChannelState;
let log: RecordedLog;
let metrics: ReturnType<typeof recordedMetrics>;
let received: InboundMessage[];
let receive: Receive;
/** What rooms hold, by their id, the newest first. */
let history: Map<string, Payload[]>;
let refused: Map<string, RestOutcome>;
let asked: string[];
/** Holds calls up. */
let slow: ((route: string) => Promise<void>) | undefined;
let interactions: Payload[];
let ids = 1_000_000_000_000_000_000n;

const newId = (): string => String(++ids);

const GUILD_CREATE = {
  id: GUILD,
  channels: [{ id: ROOM, type: 0 }],
  threads: [],
  roles: [{ id: OUR_ROLE, tags: { bot_id: BOT.id } }, { id: GUILD }],
};

beforeEach(async () => {
  guilds = [GUILD_CREATE];
  platform = await startDiscordGateway({ token: TOKEN, bot: BOT, guilds });
  gateways = [];
  state = passingState();
  log = recordedLog();
  metrics = recordedMetrics();
  received = [];
  receive = async (message) => {
    const isNew = !received.some(({ id }) => id === message.id);
    if (isNew) received.push(message);
    return { isNew, inlineReply: async () => undefined };
  };
  history = new Map();
  refused = new Map();
  asked = [];
  slow = undefined;
  interactions = [];
});
afterEach(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await platform.stop();
});

const rest: Rest = {
  request: async (method, route, request) => {
    asked.push(`${method} ${route}`);
    const refusal = refused.get(route);
    if (refusal) return refusal;
    if (route === "/gateway/bot") {
      const limit = { total: 1000, remaining: 999, reset_after: 0, max_concurrency: 1 };
      return {
        kind: "ok",
        body: { url: platform.url, shards: 1, session_start_limit: limit },
      };
    }
    await slow?.(route);
    const room = /^\/channels\/(\d+)\/messages$/.exec(route)?.[1];
    if (room !== undefined) {
      const after = BigInt(request?.query?.after ?? "0");
      const found = (history.get(room) ?? []).filter(({ id }) => BigInt(String(id)) > after);
      return { kind: "ok", body: found.slice(-100) };
    }
    return { kind: "failed", status: 404, code: 10003, reason: "HTTP 404" };
  },
  fault: () => undefined,
  close: () => {},
};

const start = async (isAlone = true): Promise<Gateway> => {
  const gateway = createGateway({
    ...{
      token: TOKEN,
      apiBaseUrl: platform.url,
      rest,
      state,
      isAlone,
      log,
      metrics,
      random: () => 0.5,
      timings: QUICK,
    },
    members: { rolesIn: async () => ["role-now"] },
    interaction: async (data) => void interactions.push(data),
    shards: undefined,
    // Nobody dies here, and a busy machine must not lose one in between.
    leases: createLeases({ state, log, leaseMs: 30_000 }),
    now: () => new Date(),
  });
  gateways.push(gateway);
  gateway.start((message) => receive(message));
  return gateway;
};

const up = () => vi.waitFor(() => expect(platform.isUp()).toBe(true), PATIENCE);

const messageOf = (content: string, more: Payload = {}): Payload => ({
  ...{ id: newId(), type: 0, channel_id: ROOM, guild_id: GUILD, content },
  author: { id: ANN, username: "ann", global_name: "Ann" },
  member: { roles: ["1"], nick: null },
  ...{ mentions: [], mention_roles: [], attachments: [], channel_type: 0 },
  ...more,
});
const mention = (content: string, more: Payload = {}) =>
  messageOf(`<@${BOT.id}> ${content}`, { mentions: [{ id: BOT.id }], ...more });
const direct = (content: string, more: Payload = {}) =>
  messageOf(content, {
    ...{ channel_id: DM, guild_id: undefined, member: undefined, channel_type: 1 },
    ...more,
  });

/** Says it, live and in the room's history. */
const say = (message: Payload): Payload => {
  whisper(message);
  platform.dispatch("MESSAGE_CREATE", message);
  return message;
};
/** Says it while nobody listens. */
const whisper = (message: Payload): Payload => {
  const room = String(message.channel_id);
  // What is read from a room tells neither its guild nor the author's roles.
  const { guild_id: _guild, member: _member, ...stored } = message;
  history.set(room, [stored, ...(history.get(room) ?? [])]);
  return message;
};

const texts = () =>
  received.map(({ content }) => (content.kind === "text" ? content.text : content.kind));
const heard = (...expected: string[]) =>
  vi.waitFor(() => expect(texts()).toEqual(expected), PATIENCE);

/** Leases end in it; and a login need not wait for the last one. */
const passingState = (): ChannelState => {
  const memory = memoryState();
  const ends = new Map<string, number>();
  const pass = async (key: string): Promise<void> => {
    if ((ends.get(key) ?? Number.POSITIVE_INFINITY) <= performance.now()) await memory.forget(key);
  };
  const until = (key: string, ttlMs: number) => void ends.set(key, performance.now() + ttlMs);
  return {
    ...memory,
    get: async (key) => {
      await pass(key);
      return memory.get(key);
    },
    putIfAbsent: async (key, value, ttlMs) => {
      await pass(key);
      if (key.startsWith("identify/")) return true;
      const isNew = await memory.putIfAbsent(key, value, ttlMs);
      if (isNew) until(key, ttlMs);
      return isNew;
    },
    replace: async (key, version, value, ttlMs) => {
      const isOurs = await memory.replace(key, version, value, ttlMs);
      if (isOurs) until(key, ttlMs);
      return isOurs;
    },
  };
};

describe("what the gateway hands over", () => {
  it("takes mentions, by name and by role, and direct messages; nothing else", async () => {
    await start();
    await up();
    say(messageOf("not for us"));
    say(mention("one"));
    say(messageOf(`<@&${OUR_ROLE}> two`, { mention_roles: [OUR_ROLE] }));
    say(messageOf("<@&5> not for us", { mention_roles: ["5"] }));
    say(mention("from a bot", { author: { id: "5", bot: true } }));
    say(mention("from a webhook", { webhook_id: "6" }));
    say(mention("our own", { author: BOT }));
    say(mention("somebody joined", { type: 7 }));
    say(messageOf("everyone", { mention_everyone: true }));
    say(direct("three"));
    await vi.waitFor(() => expect(texts()).toHaveLength(3), PATIENCE);
    expect(texts().sort()).toEqual(["one", "three", "two"]);
  });

  it("says who spoke, where, and that a mention is answered in a thread", async () => {
    await start();
    await up();
    const { id } = say(mention("how are you?"));
    await heard("how are you?");
    expect(received[0]).toMatchObject({
      id,
      channel: "discord",
      workspaceId: GUILD,
      conversation: { id, kind: "group", room: ROOM },
      sender: { id: ANN, displayName: "Ann", roles: ["1"] },
      target: { workspaceId: GUILD, replyTo: id },
    });
    const target = received[0]?.target;
    expect(target && readTarget(target)).toMatchObject({
      channelId: ROOM,
      threadOf: { messageId: id, name: "how are you?" },
    });
  });

  it("knows of a role that was given or taken away from the next message on", async () => {
    await start();
    await up();
    for (const roles of [["1"], [], ["1", "2"]]) say(mention("who am I?", { member: { roles } }));
    await heard("who am I?", "who am I?", "who am I?");
    expect(received.map(({ sender }) => sender.roles)).toEqual([["1"], [], ["1", "2"]]);
  });

  it("takes all that is said in a thread that a mention began, as one conversation", async () => {
    await start();
    await up();
    const { id } = say(mention("begin"));
    await heard("begin");
    const thread = { id, type: 11, parent_id: ROOM, guild_id: GUILD, owner_id: "5" };
    platform.dispatch("THREAD_CREATE", thread);
    say(messageOf("go on", { channel_id: id, channel_type: 11 }));
    await heard("begin", "go on");
    expect(received[1]?.conversation).toEqual(received[0]?.conversation);
    expect(received[1]?.target && readTarget(received[1].target)).toMatchObject({ channelId: id });
    expect(received[1]?.target && readTarget(received[1].target).threadOf).toBeUndefined();
  });

  it("knows a thread that it began before it was forgotten by who owns it", async () => {
    await start();
    await up();
    const thread = newId();
    const known = { id: thread, type: 11, parent_id: ROOM, guild_id: GUILD, owner_id: BOT.id };
    platform.dispatch("THREAD_LIST_SYNC", { guild_id: GUILD, threads: [known] });
    say(messageOf("go on", { channel_id: thread, channel_type: 11 }));
    await heard("go on");
    expect(received[0]?.conversation).toEqual({ id: thread, kind: "group", room: ROOM });
  });

  it("looks up a thread that nobody has told of, so that bindings of its room hold", async () => {
    await start();
    await up();
    const thread = newId();
    const room = { id: thread, type: 11, parent_id: ROOM };
    refused.set(`/channels/${thread}`, { kind: "ok", body: room });
    say(mention("hello", { channel_id: thread, channel_type: 11 }));
    await heard("hello");
    expect(received[0]?.conversation.room).toBe(ROOM);
  });

  it("does not take a message whose room cannot be told, until it can", async () => {
    await start();
    await up();
    const thread = newId();
    refused.set(`/channels/${thread}`, { kind: "lost", reason: "HTTP 502" });
    say(mention("hello", { channel_id: thread, channel_type: 11 }));
    await vi.waitFor(
      () => expect(asked.filter((what) => what.includes(thread)).length).toBeGreaterThan(2),
      PATIENCE,
    );
    expect(received).toEqual([]);
    refused.set(`/channels/${thread}`, { kind: "ok", body: { id: thread, type: 11 } });
    await heard("hello");
  });

  it("takes an edit that changes the text as one more message, and no other edit", async () => {
    await start();
    await up();
    const message = say(direct("first"));
    await heard("first");
    const edited = { ...message, content: "second", edited_timestamp: "2026-01-01T00:00:00+00:00" };
    platform.dispatch("MESSAGE_UPDATE", { ...message, embeds: [{}], edited_timestamp: null });
    platform.dispatch("MESSAGE_UPDATE", { id: message.id, channel_id: DM, embeds: [{}] });
    platform.dispatch("MESSAGE_UPDATE", edited);
    platform.dispatch("MESSAGE_UPDATE", { ...edited, embeds: [{}] });
    say(direct("third"));
    await heard("first", "second", "third");
    expect(received[1]?.target.replyTo).toBe(message.id);
  });

  it("tells of deletions of what it took, and of reactions to what it said", async () => {
    await start();
    await up();
    const { id } = say(direct("question"));
    await heard("question");
    const reaction = {
      ...{ message_id: newId(), channel_id: DM, user_id: ANN, emoji: { name: "👍" } },
      message_author_id: BOT.id,
    };
    platform.dispatch("MESSAGE_REACTION_ADD", reaction);
    platform.dispatch("MESSAGE_REACTION_ADD", reaction);
    platform.dispatch("MESSAGE_REACTION_ADD", { ...reaction, message_author_id: ANN });
    platform.dispatch("MESSAGE_REACTION_ADD", { ...reaction, user_id: BOT.id });
    for (const name of ["\u0000", "\ud83d"]) {
      platform.dispatch("MESSAGE_REACTION_ADD", { ...reaction, emoji: { name } });
    }
    platform.dispatch("MESSAGE_DELETE", { id: newId(), channel_id: DM });
    platform.dispatch("MESSAGE_DELETE", { id, channel_id: DM });
    await heard("question", "event", "event");
    // Only what was said by the same person in the same conversation can be taken back.
    expect(received[2]?.conversation).toEqual(received[0]?.conversation);
    expect(received[2]?.sender.id).toBe(received[0]?.sender.id);
    expect(received.slice(1).map(({ content }) => content)).toMatchObject([
      { event: { name: "feedback_given", fields: { id: reaction.message_id, type: "👍" } } },
      { event: { name: "message_deleted", fields: { id } } },
    ]);
    expect(received[1]?.conversation).toEqual(received[0]?.conversation);
  });

  it("tells that a reaction to what it said was taken back, once, and of no other's", async () => {
    await start();
    await up();
    const reaction = { message_id: newId(), channel_id: DM, user_id: ANN, emoji: { name: "👍" } };
    const other = { ...reaction, message_id: newId() };
    platform.dispatch("MESSAGE_REACTION_ADD", { ...reaction, message_author_id: BOT.id });
    platform.dispatch("MESSAGE_REACTION_ADD", { ...other, message_author_id: ANN });
    for (const taken of [other, reaction, reaction]) {
      platform.dispatch("MESSAGE_REACTION_REMOVE", taken);
    }
    say(direct("a mark"));
    await heard("event", "event", "a mark");
    const fields = { id: reaction.message_id, reaction: "👍" };
    expect(received.slice(0, 2).map(({ content }) => content)).toMatchObject([
      { event: { name: "feedback_given", fields: { ...fields, type: "👍" } } },
      { event: { name: "feedback_given", fields: { ...fields, type: "withdrawn" } } },
    ]);
  });

  it("hands interactions on at once", async () => {
    await start();
    await up();
    platform.dispatch("INTERACTION_CREATE", { id: "5" });
    await vi.waitFor(() => expect(interactions).toEqual([{ id: "5" }]), PATIENCE);
  });

  it("survives dispatches of any shape", async () => {
    await start();
    await up();
    const names = [
      ...["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK"],
      ...["MESSAGE_REACTION_ADD", "GUILD_CREATE", "GUILD_DELETE", "GUILD_ROLE_CREATE"],
      ...["THREAD_CREATE", "THREAD_LIST_SYNC", "CHANNEL_DELETE", "CHANNEL_UPDATE", "__proto__"],
    ];
    const good = mention("good", { member: { roles: ["1"] }, emoji: { name: "x" }, user_id: ANN });
    const shapes = fc.sample(
      fc.tuple(
        fc.constantFrom(...names),
        fc.oneof(
          fc.jsonValue(),
          // Good but for some of its values.
          fc
            .dictionary(fc.constantFrom(...Object.keys(good)), fc.jsonValue())
            .map((broken) => ({ ...good, id: newId(), ...broken })),
        ),
      ),
      { numRuns: 2_000, seed: 6 },
    );
    for (const [name, data] of shapes) platform.dispatch(name, data);
    say(direct("still there"));
    await vi.waitFor(() => expect(texts()).toContain("still there"), PATIENCE);
  });
});

describe("what was missed", () => {
  it("is replayed when the connection comes back", async () => {
    await start();
    await up();
    say(direct("one"));
    await heard("one");
    platform.drop();
    say(direct("two"));
    await heard("one", "two");
    expect(platform.identifies).toHaveLength(1);
  });

  it("is fetched for known rooms after a new session, the oldest first, and before what is live", async () => {
    await start();
    await up();
    say(direct("one"));
    const { id } = say(mention("two"));
    await vi.waitFor(() => expect(texts()).toHaveLength(2), PATIENCE);
    whisper(direct("three"));
    whisper(direct("four"));
    whisper(messageOf("five", { channel_id: id }));
    whisper(mention("six"));
    whisper(messageOf("not for us"));
    platform.invalidate();
    await vi.waitFor(() => expect(platform.identifies).toHaveLength(2), PATIENCE);
    await up();
    say(direct("seven"));
    await vi.waitFor(() => expect(texts()).toHaveLength(7), PATIENCE);
    expect(texts().filter((text) => ["three", "four", "seven"].includes(text))).toEqual([
      "three",
      "four",
      "seven",
    ]);
    expect(texts()).toEqual(expect.arrayContaining(["five", "six"]));
    const five = received.find(({ content }) => content.kind === "text" && content.text === "five");
    expect(five).toMatchObject({ workspaceId: GUILD, sender: { roles: ["role-now"] } });
  });

  const readings = () =>
    asked.flatMap((what) => /^GET \/channels\/(\d+)\/messages$/.exec(what)?.[1] ?? []);

  /** Threads that we began, with the last message that was said in each. */
  const threadsOf = async (count: number) => {
    await start();
    await up();
    const indices = Array.from({ length: count }, (_, index) => index);
    const begun = indices.map((index) => String(say(mention(`begin ${index}`)).id));
    // Only then are the threads ours.
    await vi.waitFor(() => expect(texts()).toHaveLength(count), PATIENCE);
    const threads = begun.map((id, index) => {
      platform.dispatch("THREAD_CREATE", { id, type: 11, parent_id: ROOM, guild_id: GUILD });
      const { id: last } = say(messageOf(`in ${index}`, { channel_id: id, channel_type: 11 }));
      return { id, last: String(last) };
    });
    await vi.waitFor(() => expect(texts()).toHaveLength(2 * count), PATIENCE);
    return threads;
  };
  const roomOf = ({ id, last }: { id: string; last: string }): Payload => ({
    ...{ id, type: 11, parent_id: ROOM, owner_id: BOT.id, last_message_id: last },
  });
  /** What the guild tells at the next session. */
  const tellRooms = (threads: readonly Payload[], last: unknown) => {
    const channels = [{ id: ROOM, type: 0, last_message_id: last }];
    guilds.splice(0, 1, { ...GUILD_CREATE, channels, threads });
  };
  const newSession = async () => {
    const before = platform.identifies.length;
    platform.invalidate();
    await vi.waitFor(() => expect(platform.identifies).toHaveLength(before + 1), PATIENCE);
    await up();
  };

  it("is looked for only where Discord tells of something new, however many rooms there are", async () => {
    const threads = await threadsOf(50);
    const [quiet, busy] = [threads.slice(1), threads[0]];
    const missed = whisper(messageOf("missed", { channel_id: busy?.id }));
    const lastInRoom = threads.at(-1)?.id;
    tellRooms(
      [...quiet.map(roomOf), roomOf({ id: busy?.id ?? "", last: String(missed.id) })],
      lastInRoom,
    );
    await newSession();
    await vi.waitFor(() => expect(texts()).toContain("missed"), PATIENCE);
    expect(readings()).toEqual([busy?.id]);
    // What is said live waits for nothing there.
    say(messageOf("and now", { channel_id: quiet[0]?.id }));
    await vi.waitFor(() => expect(texts()).toContain("and now"), PATIENCE);
    expect(readings()).toEqual([busy?.id]);
  });

  it("is looked for last in threads that were put away, the one used last first, and at once where somebody speaks", async () => {
    const threads = await threadsOf(12);
    const putAway = threads.slice(0, 10);
    const [open, busy] = threads.slice(10);
    const missed = whisper(messageOf("missed", { channel_id: busy?.id }));
    const [oldest] = putAway;
    whisper(messageOf("in the oldest", { channel_id: oldest?.id }));
    tellRooms(
      [
        roomOf(open ?? { id: "", last: "" }),
        roomOf({ id: busy?.id ?? "", last: String(missed.id) }),
      ],
      busy?.id,
    );
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    slow = (route) => (route.endsWith("/messages") ? held : Promise.resolve());
    await newSession();
    await vi.waitFor(() => expect(readings()).toHaveLength(4), PATIENCE);
    say(messageOf("live", { channel_id: oldest?.id }));
    // Told behind it, so that it is known by then who waits.
    say(direct("a mark"));
    await vi.waitFor(() => expect(texts()).toContain("a mark"), PATIENCE);
    letGo();
    await vi.waitFor(() => expect(readings()).toHaveLength(11), PATIENCE);
    const recentFirst = putAway.map(({ id }) => id).reverse();
    const others = recentFirst.filter((id) => id !== oldest?.id);
    expect(readings()).toEqual([busy?.id, ...others.slice(0, 3), oldest?.id, ...others.slice(3)]);
    await vi.waitFor(() => expect(texts()).toContain("live"), PATIENCE);
    expect(texts().filter((text) => ["in the oldest", "live"].includes(text))).toEqual([
      "in the oldest",
      "live",
    ]);
  });

  it("is found where a guild does not tell its rooms", async () => {
    const threads = await threadsOf(1);
    whisper(messageOf("missed", { channel_id: threads[0]?.id }));
    guilds.length = 0;
    await newSession();
    await vi.waitFor(() => expect(texts()).toContain("missed"), PATIENCE);
  });

  it("is fetched after a restart, page by page", async () => {
    const gateway = await start();
    await up();
    say(direct("first"));
    await heard("first");
    await gateway.stop();
    const expected = Array.from({ length: 250 }, (_, index) => `missed ${index}`);
    for (const text of expected) whisper(direct(text));
    await start();
    await heard("first", ...expected);
  });

  it("is fetched although the process was killed before it wrote how far it was", async () => {
    await start();
    await up();
    // What was put first is all that is left: the position of the first message.
    const put = vi.spyOn(state, "put");
    say(direct("one"));
    await heard("one");
    await vi.waitFor(() => expect(put).toHaveBeenCalled(), PATIENCE);
    put.mockRejectedValue(new Error("killed"));
    say(direct("two"));
    await heard("one", "two");
    platform.drop();
    whisper(direct("three"));
    platform.invalidate();
    put.mockRestore();
    await start();
    await heard("one", "two", "three");
  });

  it("is read again when it could not be stored, and its position waits for it", async () => {
    await start();
    await up();
    say(direct("one"));
    await heard("one");
    const sound = receive;
    receive = () => Promise.reject(new Error("disk full"));
    say(direct("two"));
    await vi.waitFor(
      () => expect(log.lines.some(({ text }) => text.includes("not taken in"))).toBe(true),
      PATIENCE,
    );
    receive = sound;
    await heard("one", "two");
    say(direct("three"));
    await heard("one", "two", "three");
  });

  it("is fetched although Discord does not answer at first", async () => {
    const gateway = await start();
    await up();
    say(direct("one"));
    await heard("one");
    await gateway.stop();
    whisper(direct("two"));
    refused.set(`/channels/${DM}/messages`, { kind: "lost", reason: "HTTP 500" });
    await start();
    await vi.waitFor(
      () =>
        expect(asked.filter((what) => what.endsWith(`${DM}/messages`)).length).toBeGreaterThan(2),
      PATIENCE,
    );
    refused.clear();
    await heard("one", "two");
  });
});

describe("the gateway's health", () => {
  it("is bad until it is connected, and good then", async () => {
    const gateway = await start();
    expect(gateway.fault()).toBeDefined();
    await up();
    await vi.waitFor(() => expect(gateway.fault()).toBeUndefined(), PATIENCE);
  });

  it("stays bad after the token was refused, without another login", async () => {
    const gateway = await start();
    await up();
    platform.close(4004, true);
    await vi.waitFor(() => expect(gateway.fault()).toContain("4004"), PATIENCE);
    const before = [platform.connections(), platform.identifies.length];
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([platform.connections(), platform.identifies.length]).toEqual(before);
    expect(gateway.fault()).toContain("channels.discord.bot_token");
    expect(JSON.stringify(log.lines)).not.toContain(TOKEN);
  });

  it("is bad while Discord cannot be reached, and good when it can again", async () => {
    refused.set("/gateway/bot", { kind: "unreachable", reason: "ECONNREFUSED" });
    const gateway = await start();
    await vi.waitFor(() => expect(gateway.fault()).toContain("ECONNREFUSED"), PATIENCE);
    refused.clear();
    await up();
    await vi.waitFor(() => expect(gateway.fault()).toBeUndefined(), PATIENCE);
    platform.isAway = true;
    platform.drop();
    await vi.waitFor(() => expect(gateway.fault()).toBeDefined(), PATIENCE);
    platform.isAway = false;
    await vi.waitFor(() => expect(gateway.fault()).toBeUndefined(), PATIENCE);
  });

  it("does not log in when Discord allows no more logins", async () => {
    const limit = { total: 1000, remaining: 0, reset_after: 60_000, max_concurrency: 1 };
    const body = { url: platform.url, shards: 1, session_start_limit: limit };
    refused.set("/gateway/bot", { kind: "ok", body });
    const gateway = await start();
    await vi.waitFor(() => expect(gateway.fault()).toContain("no more logins"), PATIENCE);
    expect(platform.connections()).toBe(0);
  });

  it.each([
    "ws://gateway.discord.gg",
    "wss://evil.example",
    "wss://discord.gg.evil.example",
    "wss://evildiscord.gg",
    "not an address",
  ])("does not tell its token to %s", async (url) => {
    refused.set("/gateway/bot", { kind: "ok", body: { url, shards: 1 } });
    const gateway = await start();
    await vi.waitFor(() => expect(gateway.fault()).toContain("wss://"), PATIENCE);
  });
});

describe("two shards", () => {
  it("are each logged in once, by whichever replica holds them, and a message told by both is one", async () => {
    const limit = { total: 1000, remaining: 999, reset_after: 0, max_concurrency: 2 };
    const body = { url: platform.url, shards: 2, session_start_limit: limit };
    refused.set("/gateway/bot", { kind: "ok", body });
    const loggedIn = () => platform.identifies.map(({ shard }) => JSON.stringify(shard)).sort();
    const first = await start(false);
    await vi.waitFor(() => expect(loggedIn()).toEqual(["[0,2]", "[1,2]"]), PATIENCE);
    const second = await start(false);
    await vi.waitFor(() => expect(second.fault()).toBeUndefined(), PATIENCE);
    say(direct("one"));
    await heard("one");
    await first.stop();
    await vi.waitFor(
      () => expect(loggedIn()).toEqual(["[0,2]", "[0,2]", "[1,2]", "[1,2]"]),
      PATIENCE,
    );
    await vi.waitFor(() => expect(second.fault()).toBeUndefined(), PATIENCE);
  });
});

describe("two replicas", () => {
  it("one holds the shard; the other one is well, and takes over", async () => {
    const first = await start(false);
    await up();
    const second = await start(false);
    await vi.waitFor(() => expect(second.fault()).toBeUndefined(), PATIENCE);
    say(direct("one"));
    await heard("one");
    expect(platform.identifies).toHaveLength(1);
    await first.stop();
    whisper(direct("two"));
    await heard("one", "two");
    expect(platform.identifies).toHaveLength(2);
    expect(second.fault()).toBeUndefined();
    const [gained, up_] = ["connection gained", "connection up"];
    expect(metrics.counted).toEqual([
      ...[gained, up_, "connection down", "connection released", gained, up_],
    ]);
  });
});
