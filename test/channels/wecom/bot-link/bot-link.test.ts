import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { renderForBot } from "../../../../channels/wecom/bot/render.ts";
import { type BotLink, createBotLink } from "../../../../channels/wecom/bot-link/bot-link.ts";
import type { LinkTimings } from "../../../../channels/wecom/bot-link/connection.ts";
import { createCorpCheck } from "../../../../channels/wecom/foreign-corp.ts";
import { createChannelState } from "../../../../core/channel-state/channel-state.ts";
import { createLeases } from "../../../../core/channel-state/leases.ts";
import type {
  OutboundPart,
  Reconciliation,
  SendOutcome,
} from "../../../../core/contract/channel.ts";
import type { ChannelState } from "../../../../core/contract/channel-state.ts";
import type { InboundMessage } from "../../../../core/contract/message.ts";
import type { Answer } from "../../../../core/contract/reply.ts";
import { openStore } from "../../../../core/store/open-store.ts";
import type { Store } from "../../../../core/store/store.ts";
import { recordedMetrics } from "../../../fakes/channel-metrics.ts";
import { memoryState } from "../../../fakes/channel-state.ts";
import { cipherOn } from "../../../fakes/cipher.ts";
import { eventually } from "../../../fakes/eventually.ts";
import { type RecordedLog, recordedLog } from "../../../fakes/log.ts";
import { temporaryFolder } from "../../../fakes/temporary-folder.ts";
import {
  encode,
  startWecomLinkServer,
  type WecomLinkServer,
} from "../../../fakes/wecom-link-server.ts";

const BOT = "aibEXAMPLE000001";
const SECRET = "the-secret-of-the-long-connection";
// Longer than a busy machine stands still, where a test is not about what they end.
const LEASE_MS = 60_000;
const TIMINGS: LinkTimings = {
  pingMs: 100,
  acknowledgementMs: 10_000,
  lateMs: 2_000,
  subscribeMs: 10_000,
};
const SHORT_LEASE_MS = 600;
const QUICK: LinkTimings = { ...TIMINGS, acknowledgementMs: 400 };
const PATIENCE = { timeout: 15_000, interval: 20 };
const signal = new AbortController().signal;

const folder = temporaryFolder();
let server: WecomLinkServer;
let store: Store;
let state: ChannelState;
let log: RecordedLog;
let links: BotLink[];
let metrics: ReturnType<typeof recordedMetrics>;
/** What is stored, each message once, as the inbox does it. */
let received: Map<string, InboundMessage>;
let deliveries: number;
let storeIsAway: boolean;

beforeEach(async () => {
  server = await startWecomLinkServer({ [BOT]: SECRET });
  store = await openStore({ url: `file:${folder.path}/store` });
  const cipher = await cipherOn(store, folder.path);
  state = createChannelState("wechat_work", { store, cipher, now: () => new Date() });
  log = recordedLog();
  links = [];
  metrics = recordedMetrics();
  received = new Map();
  deliveries = 0;
  storeIsAway = false;
});
afterEach(async () => {
  await Promise.all(links.map((link) => link.stop()));
  await server.close();
  await store.close();
  expect(JSON.stringify(log.lines)).not.toContain(SECRET);
});

const startLink = (
  options: {
    isAlone?: boolean;
    leaseMs?: number;
    timings?: LinkTimings;
    secret?: string;
    url?: string;
    state?: ChannelState;
  } = {},
): BotLink => {
  const {
    isAlone = true,
    leaseMs = LEASE_MS,
    timings = TIMINGS,
    secret = SECRET,
    url = server.url,
    state: shared = state,
  } = options;
  const link = createBotLink({
    bot: {
      bot_id: BOT,
      secret,
      ws_url: url,
      corp_id: "wwexample000000001",
      api_base_url: "https://qyapi.weixin.qq.com",
      file_hosts: [],
    },
    checkCorp: createCorpCheck([
      { corp_id: "wwexample000000001" },
      { corp_id: "wwtheirs000000001" },
    ]),
    leases: createLeases({ state, log, leaseMs }),
    store: async (message) => {
      deliveries += 1;
      if (storeIsAway) throw new Error("the store is away");
      const isNew = !received.has(message.id);
      received.set(message.id, received.get(message.id) ?? message);
      return { isNew, inlineReply: async () => undefined };
    },
    now: () => new Date(),
    random: () => 0.5,
    ...{ state: shared, isAlone, log, timings, metrics },
  });
  links.push(link);
  link.start();
  return link;
};

const subscribed = () => vi.waitFor(() => expect(server.isSubscribed(BOT)).toBe(true), PATIENCE);

const textFrame = (msgid: string, content: string, more: object = {}) => ({
  ...{ msgid, aibotid: BOT, chattype: "single", from: { userid: "Zhang.San" } },
  ...{ msgtype: "text", text: { content }, ...more },
});

const say = async (msgid: string, content: string, more: object = {}): Promise<InboundMessage> => {
  await subscribed();
  server.deliver(BOT, "aibot_msg_callback", textFrame(msgid, content, more));
  return stored(msgid);
};

const event = async (msgid: string, details: object): Promise<InboundMessage> => {
  await subscribed();
  const body = { ...textFrame(msgid, ""), msgtype: "event", event: details };
  server.deliver(BOT, "aibot_event_callback", body);
  return stored(msgid);
};

const stored = (msgid: string): Promise<InboundMessage> =>
  vi.waitFor(() => {
    const found = [...received.values()].find(({ id }) => id.endsWith(`/${msgid}`));
    if (!found) throw new Error(`${msgid} is not stored`);
    return found;
  }, PATIENCE);

const partsOf = (message: InboundMessage, answer: Partial<Answer>): OutboundPart[] =>
  renderForBot({ kind: "text", markdown: "", ...answer }).map((body, index) => ({
    ...{ id: `7.${index}`, target: message.target, body, attempt: 1, isRepeat: false },
  }));

/** As the outbox does: asks first where an earlier try may have arrived; again until it is known. */
const deliver = async (
  link: BotLink,
  part: OutboundPart,
  wasUnsure = false,
): Promise<SendOutcome> => {
  let isUnsure = wasUnsure;
  for (let { attempt } = part; ; attempt += 1) {
    const tried = { ...part, attempt };
    const known: Reconciliation = isUnsure ? await link.reconcile(tried) : { kind: "send" };
    const outcome: SendOutcome = known.kind === "send" ? await link.send(tried, signal) : known;
    if (outcome.kind === "delivered" || outcome.kind === "refused") return outcome;
    isUnsure ||= outcome.kind === "unknown";
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const answer = async (link: BotLink, message: InboundMessage, markdown: string) => {
  for (const part of partsOf(message, { markdown })) {
    expect(await deliver(link, part)).toEqual({ kind: "delivered" });
  }
};

const alerts = () => log.lines.flatMap(({ fields }) => (fields.alert ? [fields.alert] : []));

describe("a bot's long connection", () => {
  it("subscribes with its own secret, and says nothing before", async () => {
    startLink();
    await subscribed();
    expect(server.frames[0]).toMatchObject({
      cmd: "aibot_subscribe",
      body: { bot_id: BOT, secret: SECRET },
    });
  });

  it("stores a message and answers it by the callback's req_id", async () => {
    const link = startLink();
    const message = await say("M1", "hello");
    expect(message.content).toEqual({ kind: "text", text: "hello" });
    await answer(link, message, "**hi**");
    expect(server.shown).toMatchObject([{ how: "stream", text: "**hi**", isFinished: true }]);
    const frame = server.frames.find(({ cmd }) => cmd === "aibot_respond_msg");
    expect(frame?.reqId).toBe("callback-1");
  });

  it("stores a message that is delivered twice once, and keeps the order of a conversation", async () => {
    startLink();
    await subscribed();
    for (const id of ["A", "B", "A", "C", "D"]) {
      server.deliver(BOT, "aibot_msg_callback", textFrame(id, id));
    }
    await vi.waitFor(() => expect(deliveries).toBe(5), PATIENCE);
    const said = [...received.values()].map(
      ({ content }) => content.kind === "text" && content.text,
    );
    expect(said).toEqual(["A", "B", "C", "D"]);
  });

  it("attack: a bot's link lets nobody speak as somebody of another corp of this gateway", async () => {
    startLink();
    await subscribed();
    for (const [msgid, corpid] of [
      ["1", "wwtheirs000000001"],
      ["2", "wwlinked000000001"],
    ] as const) {
      const from = { userid: "ceo", corpid };
      server.deliver(BOT, "aibot_msg_callback", textFrame(msgid, "hi", { from }));
    }
    await say("3", "hello");
    await stored("2");
    const corps = [...received.values()].map(({ workspaceId }) => workspaceId);
    expect(corps.sort()).toEqual(["wwexample000000001", "wwlinked000000001"]);
    expect(JSON.stringify(log.lines)).toContain("FOREIGN_CORP");
  });

  it("holds a message that the store does not take just now", async () => {
    startLink();
    await subscribed();
    storeIsAway = true;
    server.deliver(BOT, "aibot_msg_callback", textFrame("M1", "hello"));
    await vi.waitFor(() => expect(deliveries).toBeGreaterThan(1), PATIENCE);
    expect(server.frames.some(({ cmd }) => cmd === "aibot_respond_msg")).toBe(false);
    storeIsAway = false;
    await stored("M1");
    // Nobody is asked for anything, and nothing is lost yet: no alarm.
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
    expect(log.lines.map(({ text }) => text)).toContain(
      "message not stored yet; held for a minute",
    );
  });

  it("hands over files with the key that came with them", async () => {
    startLink();
    const file = { url: "https://files.example.com/a", aeskey: "KEY" };
    const message = await say("M1", "", { msgtype: "file", file });
    expect(message.content).toMatchObject({ attachments: [{ ref: JSON.stringify(file) }] });
  });

  it("sends 60 KB whole and in order", async () => {
    const link = startLink();
    const message = await say("M1", "much");
    const whole = Array.from({ length: 6_000 }, (_, index) => `line${index}\n`)
      .join("")
      .slice(0, 61_440);
    await answer(link, message, whole);
    expect(server.shown.map(({ text }) => text).join("")).toBe(whole);
    expect(server.shown.every(({ isFinished }) => isFinished)).toBe(true);
    for (const { text } of server.shown)
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(20_480);
  });

  it("shows an answer as it grows, and ends it in the same place", async () => {
    const link = startLink();
    const message = await say("M1", "long");
    link.progress(message.target, "one");
    await eventually(() =>
      expect(server.shown[0]).toMatchObject({ text: "one", isFinished: false }),
    );
    for (let at = 0; at < 50; at += 1) link.progress(message.target, `one ${at}`);
    await answer(link, message, "one two three");
    expect(server.shown).toMatchObject([{ text: "one two three", isFinished: true }]);
    const responses = server.frames.filter(({ cmd }) => cmd === "aibot_respond_msg");
    expect(responses).toHaveLength(2);
    expect(responses[0]?.body).toMatchObject({ stream: { feedback: {} } });
  });

  it("ends what was shown of an answer that never comes", async () => {
    const link = startLink();
    const message = await say("M1", "long");
    link.progress(message.target, "one");
    await eventually(() => expect(server.shown).toHaveLength(1));
    link.silent(message.target);
    await eventually(() => expect(server.shown[0]?.isFinished).toBe(true));
  });

  it("welcomes, and changes the card that was clicked, in answer to the event", async () => {
    const link = startLink();
    const entered = await event("E1", { eventtype: "enter_chat" });
    await answer(link, entered, "welcome");
    expect(server.shown[0]).toMatchObject({ how: "welcome", text: "welcome" });

    const details = { event_key: "yes", task_id: "card-1", card_type: "button_interaction" };
    const clicked = await event("E2", {
      eventtype: "template_card_event",
      template_card_event: details,
    });
    const card = { id: "card-1", title: "Done", fields: [], buttons: [], selects: [] };
    const link_ = { url: "https://example.com", label: "see" };
    const [part] = partsOf(clicked, { card: { ...card, link: link_ } });
    if (!part) throw new Error("nothing rendered");
    expect(await deliver(link, part)).toEqual({ kind: "delivered" });
    expect(server.shown[1]).toMatchObject({
      how: "update",
      body: { response_type: "update_template_card" },
    });
  });

  it("welcomes nobody afterwards", async () => {
    const link = startLink();
    const entered = await event("E1", { eventtype: "enter_chat" });
    server.refuse("aibot_respond_welcome_msg", 846605);
    const [part] = partsOf(entered, { markdown: "welcome" });
    if (!part) throw new Error("nothing rendered");
    expect(await deliver(link, part)).toMatchObject({ kind: "refused" });
    expect(server.shown).toEqual([]);
  });

  it("uploads a file in chunks, once, and pushes it into the chat", async () => {
    const link = startLink();
    const message = await say("M1", "a file", { chattype: "group", chatid: "wrGROUP" });
    const bytes = randomBytes(1_300_000);
    const [part] = partsOf(message, { files: [{ name: "a.bin", bytes }] });
    if (!part) throw new Error("nothing rendered");
    expect(await deliver(link, part)).toEqual({ kind: "delivered" });
    expect(await deliver(link, { ...part, id: "8.0" })).toEqual({ kind: "delivered" });
    expect(server.shown.map(({ body }) => body)).toMatchObject([
      { chatid: "wrGROUP", chat_type: 2, msgtype: "file", file: { media_id: "media-1" } },
      { chatid: "wrGROUP", chat_type: 2, msgtype: "file", file: { media_id: "media-1" } },
    ]);
    expect(server.files.get("media-1")?.equals(bytes)).toBe(true);
    expect(server.frames.filter(({ cmd }) => cmd === "aibot_upload_media_chunk")).toHaveLength(3);
  });

  it("uploads a file again that the platform has forgotten, once", async () => {
    const link = startLink();
    const message = await say("M1", "a file");
    const files = [{ name: "a.csv", bytes: Buffer.from("a,b\n1,2\n") }];
    const [part] = partsOf(message, { files });
    if (!part) throw new Error("nothing rendered");
    expect(await deliver(link, part)).toEqual({ kind: "delivered" });
    server.refuse("aibot_send_msg", 40007);
    expect(await deliver(link, { ...part, id: "8.0" })).toEqual({ kind: "delivered" });
    expect(server.shown.map(({ body }) => body)).toMatchObject([
      { file: { media_id: "media-1" } },
      { file: { media_id: "media-2" } },
    ]);
    server.refuse("aibot_send_msg", 40007, 2);
    expect(await link.send({ ...part, id: "9.0" }, signal)).toMatchObject({ kind: "refused" });
    expect(server.files.size).toBe(3);
  });

  it("uploads no more than 30 files a minute, into however many chats", async () => {
    const link = startLink();
    const outcomes: SendOutcome[] = [];
    for (let place = 0; place < 31; place += 1) {
      const from = { userid: `user${place}` };
      const message = await say(`M${place}`, "a file", { from });
      const files = [{ name: `${place}.csv`, bytes: Buffer.from(`a,b\n1,${place}\n`) }];
      const [part] = partsOf(message, { files });
      if (part) outcomes.push(await link.send(part, signal));
    }
    expect(outcomes.slice(0, 30)).toEqual(Array(30).fill({ kind: "delivered" }));
    expect(outcomes[30]).toMatchObject({ kind: "retry", reason: expect.stringMatching(/upload/) });
    expect(server.files.size).toBe(30);
  });

  it.each([846605, 846608])("pushes where the reply is refused with %i", async (errcode) => {
    const link = startLink();
    const message = await say("M1", "hello");
    server.refuse("aibot_respond_msg", errcode);
    await answer(link, message, "hi");
    expect(server.shown).toMatchObject([
      { how: "push", text: "hi", body: { chatid: "Zhang.San", chat_type: 1, msgtype: "markdown" } },
    ]);
  });

  it("waits a minute where the platform limits it", async () => {
    const link = startLink();
    const message = await say("M1", "hello");
    server.refuse("aibot_respond_msg", 45009);
    const [part] = partsOf(message, { markdown: "hi" });
    if (!part) throw new Error("nothing rendered");
    expect(await link.send(part, signal)).toMatchObject({ kind: "retry", afterMs: 60_000 });
    const frames = server.frames.length;
    expect(await link.send(part, signal)).toMatchObject({ kind: "retry" });
    expect(server.frames.slice(frames).filter(({ cmd }) => cmd !== "ping")).toEqual([]);
  });

  it("sends no more than 30 a minute into one chat", async () => {
    const link = startLink();
    const message = await say("M1", "hello");
    const outcomes = [];
    for (let index = 0; index < 31; index += 1) {
      const [part] = partsOf(message, { markdown: `no ${index}` });
      if (part) outcomes.push(await link.send({ ...part, id: `${index}.0` }, signal));
    }
    expect(outcomes.filter(({ kind }) => kind === "delivered")).toHaveLength(30);
    expect(outcomes.at(-1)).toMatchObject({ kind: "retry" });
    expect(server.shown).toHaveLength(30);
  });
});

describe("a busy chat of a bot's long connection", () => {
  it("has half of its minute for whole answers, whatever grows", async () => {
    const link = startLink();
    const group = { chattype: "group", chatid: "wrGROUP" };
    const messages: InboundMessage[] = [];
    for (let at = 0; at < 18; at += 1) messages.push(await say(`M${at}`, `no ${at}`, group));
    for (const { target } of messages) link.progress(target, "so far");
    const growing = () => server.frames.filter(({ cmd }) => cmd === "aibot_respond_msg");
    await eventually(() => expect(growing()).toHaveLength(15));

    const outcomes: SendOutcome[] = [];
    for (const message of messages) {
      const [part] = partsOf(message, { markdown: "whole" });
      if (part) outcomes.push(await link.send({ ...part, id: `${message.id}.0` }, signal));
    }
    expect(outcomes.filter(({ kind }) => kind === "delivered")).toHaveLength(15);
    expect(outcomes.slice(15)).toMatchObject(Array(3).fill({ kind: "retry" }));
  });
});

describe("a bot's long connection in trouble", () => {
  it.each([false, true])(
    "answers once where the acknowledgement never comes (finished streams are closed: %s)",
    async (closesFinished) => {
      server.closesFinished = closesFinished;
      const link = startLink({ timings: QUICK });
      const message = await say("M1", "hello");
      server.swallow("aibot_respond_msg");
      const [part] = partsOf(message, { markdown: "hi" });
      if (!part) throw new Error("nothing rendered");
      expect(await link.send(part, signal)).toMatchObject({ kind: "unknown" });
      expect(await deliver(link, { ...part, attempt: 2 }, true)).toEqual({ kind: "delivered" });
      expect(server.shown).toMatchObject([{ text: "hi", isFinished: true }]);
    },
  );

  it("answers once where the acknowledgement comes late", async () => {
    const link = startLink({ timings: QUICK });
    const message = await say("M1", "hello");
    server.refuse("aibot_respond_msg", 846605);
    server.delay("aibot_send_msg", QUICK.acknowledgementMs + 300);
    await answer(link, message, "hi");
    expect(server.shown).toMatchObject([{ how: "push", text: "hi" }]);
  });

  it("answers once where the link breaks before the acknowledgement", async () => {
    const link = startLink();
    const message = await say("M1", "hello");
    server.swallow("aibot_respond_msg");
    const [part] = partsOf(message, { markdown: "hi" });
    if (!part) throw new Error("nothing rendered");
    const first = link.send(part, signal);
    await eventually(() => expect(server.shown).toHaveLength(1));
    server.resetMidFrame(BOT);
    expect(await first).toMatchObject({ kind: "unknown" });
    expect(await deliver(link, { ...part, attempt: 2 }, true)).toEqual({ kind: "delivered" });
    expect(server.shown).toHaveLength(1);
    expect(server.connections()).toBe(2);
  });

  it("connects again after a reset in the middle of a frame", async () => {
    startLink();
    await subscribed();
    server.resetMidFrame(BOT);
    await vi.waitFor(() => expect(server.connections()).toBe(2), PATIENCE);
    await say("M1", "hello again");
  });

  it("finds out that nobody answers at the other end", async () => {
    startLink({ timings: QUICK });
    await subscribed();
    server.goDeaf(BOT);
    await vi.waitFor(() => expect(server.isSubscribed(BOT)).toBe(true), PATIENCE);
    expect(server.connections()).toBe(2);
  });

  it("does not fight over the connection with whoever displaced it", async () => {
    const link = startLink({ isAlone: false });
    await subscribed();
    // A gateway of somebody else, who shares neither store nor lease with us.
    startLink({ state: memoryState() });
    await vi.waitFor(() => expect(alerts()).toEqual(["wecom_bot_displaced"]), PATIENCE);
    expect(link.fault()).toContain("displaced");
    // The other replicas leave it alone too.
    const other = startLink({ isAlone: false });
    await vi.waitFor(() => expect(other.fault()).toContain("displaced"), PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(server.connections()).toBe(2);
    // Theirs holds it to the end; of ours, one had it and the other one never tried.
    const holders = () => metrics.counted.filter((each) => /gained|displaced/.test(each)).sort();
    const [gained, displaced] = ["connection gained", "connection displaced"];
    await vi.waitFor(() => expect(holders()).toEqual([displaced, gained, gained]), PATIENCE);
  });

  it("stops after a few tries with a wrong secret, and says so", async () => {
    const link = startLink({ secret: "wrong" });
    await vi.waitFor(() => expect(alerts()).toEqual(["wecom_bot_credentials"]), PATIENCE);
    expect(server.connections()).toBe(3);
    expect(link.fault()).toContain("853000");
  });

  it("survives whatever the other end sends", async () => {
    startLink();
    await subscribed();
    const hostile = [
      "",
      "null",
      "[]",
      "{}",
      '{"cmd":"aibot_msg_callback"}',
      `{"cmd":"aibot_msg_callback","headers":{"req_id":"1"},"body":${"[".repeat(100)}${"]".repeat(100)}}`,
      '{"cmd":"launch_missiles","headers":{"req_id":"1"},"body":{}}',
      '{"headers":{"req_id":"nobody"},"errcode":0}',
      '{"headers":{"req_id":1},"errcode":"x"}',
      JSON.stringify({
        ...{ cmd: "aibot_msg_callback", headers: { req_id: "1" } },
        body: { ...textFrame("X", "x"), aibotid: "another" },
      }),
    ];
    for (const text of hostile) server.raw(BOT, encode(Buffer.from(text), 1));
    await say("M1", "still here");
    expect(received.size).toBe(1);
    expect(server.connections()).toBe(1);
  });

  it.each([
    ["too long a frame", encode(Buffer.alloc(2 ** 20 + 1, "x"), 1)],
    ["a binary frame", encode(Buffer.from("x"), 2)],
  ])("breaks the link off at %s", async (_what, bytes) => {
    startLink();
    await subscribed();
    server.raw(BOT, bytes);
    await vi.waitFor(() => expect(server.connections()).toBe(2), PATIENCE);
  });
});

describe("a bot's long connection of two replicas", () => {
  it("is held by one, which answers for the other", async () => {
    const both = [startLink({ isAlone: false }), startLink({ isAlone: false })];
    const message = await say("M1", "hello");
    for (const [index, link] of both.entries()) {
      const [part] = partsOf(message, { markdown: `from ${index}` });
      if (part)
        expect(await deliver(link, { ...part, id: `${index}.0` })).toEqual({ kind: "delivered" });
    }
    expect(server.connections()).toBe(1);
    expect(server.shown.map(({ text }) => text).sort()).toEqual(["from 0", "from 1"]);
  });

  it("is taken over when its owner stops, and what waits is answered once", async () => {
    const first = startLink({ isAlone: false });
    const message = await say("M1", "hello");
    const second = startLink({ isAlone: false });
    await first.stop();
    const startedAt = performance.now();
    await answer(second, message, "hi");
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    expect(server.shown).toMatchObject([{ text: "hi" }]);
    expect(server.connections()).toBe(2);
  });

  it("is taken over from a process that was killed, shortly after its lease", async () => {
    const startedAt = performance.now();
    await state.put(`lease/bot-link/${BOT}`, "a process that is dead", 3_000);
    startLink({ isAlone: false });
    await subscribed();
    expect(performance.now() - startedAt).toBeGreaterThan(2_500);
    expect(performance.now() - startedAt).toBeLessThan(8_000);
  });

  it("says again at once what its earlier owner had taken over when it was killed", async () => {
    await state.put(`lease/bot-link/${BOT}`, "a process that is dead", 60_000);
    const link = startLink({ isAlone: false });
    const target = {
      ...{ channel: "wechat_work", workspaceId: "wwexample000000001", appId: BOT },
      ...{ address: "userid:ann", replyTo: "M0" },
    };
    const part: OutboundPart = { id: "0.0", target, body: "", attempt: 1, isRepeat: false };
    const sent = link.send(part, signal);
    const errand = `bot-link/${BOT}/errand/part/0.0/1`;
    const found = await vi.waitFor(async () => {
      const left = await state.get(errand);
      if (!left) throw new Error("not handed over yet");
      return left;
    }, PATIENCE);
    const taken = JSON.stringify({ step: "taken", at: Date.now() });
    expect(await state.replace(errand, found.version, taken, 60_000)).toBe(true);
    await state.forget(`lease/bot-link/${BOT}`);
    expect(await sent).toMatchObject({ kind: "unknown" });
    expect(server.isSubscribed(BOT)).toBe(true);
    expect(await link.reconcile({ ...part, attempt: 2 })).toEqual({ kind: "send" });
  });

  it("waits for what its owner is still saying", async () => {
    startLink({ isAlone: false });
    const message = await say("M1", "hello");
    const other = startLink({ isAlone: false });
    const [part] = partsOf(message, { markdown: "hi" });
    if (!part) throw new Error("nothing rendered");
    const taken = JSON.stringify({ step: "taken", at: Date.now() });
    await state.put(`bot-link/${BOT}/errand/part/${part.id}/1`, taken, 60_000);
    expect(await other.reconcile({ ...part, attempt: 2 })).toMatchObject({ kind: "retry" });
  });

  it("is closed at once when the lease is lost, and taken over", async () => {
    startLink({ isAlone: false, leaseMs: SHORT_LEASE_MS });
    await subscribed();
    startLink({ isAlone: false, leaseMs: SHORT_LEASE_MS });
    // As if another process had taken it while this one was paused.
    await state.put(`lease/bot-link/${BOT}`, "somebody else", 1_000);
    await vi.waitFor(() => expect(server.isSubscribed(BOT)).toBe(false), PATIENCE);
    await vi.waitFor(() => expect(server.isSubscribed(BOT)).toBe(true), PATIENCE);
    expect(alerts()).toEqual([]);
    await vi.waitFor(() => expect(metrics.counted).toContain("connection lost"), PATIENCE);
  });

  it("is no alarm where the replica that took it over displaced its owner", async () => {
    const paused = startLink({ isAlone: false, leaseMs: SHORT_LEASE_MS });
    await subscribed();
    await state.put(`lease/bot-link/${BOT}`, "the replica that took over", 60_000);
    const body = { msgtype: "event", aibotid: BOT, event: { eventtype: "disconnected_event" } };
    server.deliver(BOT, "aibot_event_callback", body);
    await vi.waitFor(() => expect(server.isSubscribed(BOT)).toBe(false), PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(alerts()).toEqual([]);
    expect(paused.fault()).toBeUndefined();
    expect(await state.get(`bot-link/${BOT}/displaced`)).toBeUndefined();
  });

  it("is not asked twice for one try", async () => {
    startLink({ isAlone: false });
    const message = await say("M1", "hello");
    const other = startLink({ isAlone: false });
    const [part] = partsOf(message, { markdown: "hi" });
    if (!part) throw new Error("nothing rendered");
    const outcomes = await Promise.all([other.send(part, signal), other.send(part, signal)]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(["delivered", "unknown"]);
    expect(await other.reconcile({ ...part, attempt: 2 })).toEqual({ kind: "delivered" });
    expect(server.shown).toHaveLength(1);
  });

  it("takes a part back that nobody begins with", async () => {
    const other = startLink({ isAlone: false, url: "ws://127.0.0.1:9" });
    const part: OutboundPart = {
      ...{ id: "1.0", body: "hi", attempt: 1, isRepeat: false },
      target: {
        ...{ channel: "wechat_work", workspaceId: "w", appId: BOT },
        ...{ address: "a", replyTo: "r" },
      },
    };
    const stop = new AbortController();
    await state.put(`lease/bot-link/${BOT}`, "somebody who hangs", 60_000);
    setTimeout(() => stop.abort(), 600);
    expect(await other.send(part, stop.signal)).toMatchObject({ kind: "retry" });
    expect(await other.reconcile({ ...part, attempt: 2 })).toEqual({ kind: "send" });
  });
});
