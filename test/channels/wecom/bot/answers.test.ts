import { afterEach, describe, expect, it } from "vitest";
import { createWecomAdapter } from "../../../../channels/wecom/adapter.ts";
import { fromBody } from "../../../../channels/wecom/outgoing.ts";
import type {
  ChannelAdapter,
  OutboundPart,
  SendOutcome,
  WebhookRequest,
  WebhookResponse,
} from "../../../../core/contract/channel.ts";
import type { InboundMessage } from "../../../../core/contract/message.ts";
import type { Answer } from "../../../../core/contract/reply.ts";
import { memoryState } from "../../../fakes/channel-state.ts";
import { eventually } from "../../../fakes/eventually.ts";
import { recordedLog } from "../../../fakes/log.ts";
import { wecomAppOf } from "../../../fakes/wecom-app.ts";
import { wecomBotOf } from "../../../fakes/wecom-bot.ts";
import {
  type Bubble,
  type Deliver,
  startWecomBotCloud,
  type WecomBotCloud,
} from "../../../fakes/wecom-bot-cloud.ts";
import { startWecomCloud, type WecomCloud } from "../../../fakes/wecom-cloud.ts";

const MINUTE = 60_000;
const PATH = "/api/wechat/bot";
const ended: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

interface SiteOptions {
  readonly silenceMs?: number;
  readonly apiBaseUrl?: string;
  readonly platform?: WecomCloud;
}

/** Two replicas of the adapter before one store, the cloud that speaks to them, a clock to move. */
const site = async ({ silenceMs = 5 * MINUTE, apiBaseUrl, platform }: SiteOptions = {}) => {
  const cloud = await startWecomBotCloud();
  ended.push(() => cloud.close());
  const clock = { aheadMs: 0 };
  const state = memoryState();
  const log = recordedLog();
  const received: InboundMessage[] = [];
  const known = new Set<string>();
  const replica = async () => {
    const adapter = createWecomAdapter({
      apps: platform ? [wecomAppOf(platform.app, { api_base_url: platform.apiBaseUrl })] : [],
      bots: [
        wecomBotOf(cloud.bot, {
          api_base_url: apiBaseUrl ?? cloud.apiBaseUrl,
          // The cloud's clock is the real one: only the time of streams is moved.
          replay_window_s: 24 * 3600,
        }),
      ],
      ...{ log, state, silenceMs, inlineMs: 0, timeoutMs: 10_000 },
      now: () => new Date(Date.now() + clock.aheadMs),
    });
    await adapter.start(async (message) => {
      const isNew = !known.has(message.id);
      known.add(message.id);
      if (isNew) received.push(message);
      return { isNew, inlineReply: async () => undefined };
    });
    ended.push(() => adapter.stop());
    return adapter;
  };
  const adapters = [await replica(), await replica()] as const;
  let turn = 0;
  /** Requests reach one replica after the other; `ending` says how each response ends. */
  const deliverWith =
    (ending: (response: WebhookResponse) => "whole" | "broken" | "crashed"): Deliver =>
    async ({ query, body }) => {
      const webhook = adapters[turn++ % 2]?.webhooks.get(PATH);
      if (!webhook) throw new Error("no webhook");
      const request: WebhookRequest = {
        ...{ method: "POST", query, headers: {}, body: Buffer.from(body) },
        hungUp: new Promise(() => {}),
      };
      const response = await webhook(request);
      const how = ending(response);
      if (how !== "crashed") response.settled?.(how === "whole");
      return how === "broken" ? undefined : { status: response.status, body: response.body ?? "" };
    };
  const deliver = deliverWith(() => "whole");
  const [adapter, other] = adapters;
  return { cloud, clock, log, received, state, adapter, other, deliver, deliverWith };
};

const partsOf = (message: InboundMessage | undefined, reply: Answer, adapter: ChannelAdapter) => {
  if (!message) throw new Error("nothing was received");
  return adapter.render(reply, message.target).map(
    (body, index): OutboundPart => ({
      ...{ id: `${message.id}.${index}`, target: message.target, body },
      ...{ attempt: 1, isRepeat: false },
    }),
  );
};

const markdown = (text: string): Answer => ({ kind: "text", markdown: text });

const send = (adapter: ChannelAdapter, part: OutboundPart | undefined): Promise<SendOutcome> => {
  if (!part) throw new Error("no part");
  return adapter.send(part, new AbortController().signal);
};

const DELIVERED = { kind: "delivered" };

/** Like the outbox: in order, each until it is out. */
const sendAll = async (adapter: ChannelAdapter, parts: readonly OutboundPart[]): Promise<void> => {
  for (const part of parts) expect(await send(adapter, part)).toEqual(DELIVERED);
};

const texts = (bubbles: readonly Bubble[]): readonly string[] => bubbles.map(({ text }) => text);

/** What was said, without our own words about it. */
const joined = (bubbles: readonly Bubble[]): string =>
  texts(bubbles)
    .map((text) => text.split("\n\n（未完")[0])
    .join("");

const linesOf = (bytes: number): string => {
  let text = "";
  for (let line = 1; text.length < bytes; line += 1) text += `Line ${line} of a long answer.\n`;
  return text.slice(0, bytes);
};

const shownBy = ({ body }: OutboundPart): string => {
  const outgoing = fromBody(body);
  return outgoing.kind === "markdown" ? outgoing.text : "";
};

const pollOnce = async (cloud: WecomBotCloud, deliver: Deliver, user: string) =>
  cloud.poll(deliver, cloud.screen(user)[0]?.streamId ?? "");

describe("an answer by a stream", () => {
  it("grows before the person's eyes on every replica, and is delivered once it was shown", async () => {
    const { cloud, adapter, received, deliver } = await site();
    const { polled } = await cloud.ask(deliver, cloud.text("wei", "hello"));
    const [message] = received;
    if (message) adapter.progress?.(message.target, "One");
    await eventually(() => expect(texts(cloud.screen("wei"))).toEqual(["One"]));
    const [part] = partsOf(message, markdown("One **two**"), adapter);
    expect(await send(adapter, part)).toEqual(DELIVERED);
    await polled;
    expect(cloud.screen("wei")).toMatchObject([{ text: "One **two**", isFinished: true }]);
    expect(cloud.posts).toEqual([]);
  });

  it.each([false, true])(
    "is one stream however often its message comes (encrypted anew: %s)",
    async (reencrypt) => {
      const { cloud, adapter, received, deliver } = await site();
      const options = { reencrypt, loseFirst: 2 };
      const { polled } = await cloud.ask(deliver, cloud.text("wei", "hello"), options);
      await sendAll(adapter, partsOf(received[0], markdown("there"), adapter));
      await polled;
      expect(received).toHaveLength(1);
      expect(texts(cloud.screen("wei"))).toEqual(["there"]);
    },
  );

  it("is shown again when the response that held its end broke off", async () => {
    const { cloud, adapter, received, deliverWith } = await site({ silenceMs: 2_000 });
    let broken = 0;
    let isFinal = false;
    const deliver = deliverWith(() => (isFinal && broken++ < 2 ? "broken" : "whole"));
    const { polled } = await cloud.ask(deliver, cloud.text("wei", "hello"));
    const [part] = partsOf(received[0], markdown("there"), adapter);
    isFinal = true;
    expect(await send(adapter, part)).toEqual(DELIVERED);
    await polled;
    expect(broken).toBeGreaterThan(2);
    expect(texts(cloud.screen("wei"))).toEqual(["there"]);
    expect(cloud.posts).toEqual([]);
  });

  it("goes by the response URL when no poll fetches it, and a late poll repeats nothing", async () => {
    const { cloud, adapter, received, deliver } = await site({ silenceMs: 50 });
    await cloud.ask(deliver, cloud.text("wei", "hello"), { polls: false });
    const [part] = partsOf(received[0], markdown("there"), adapter);
    expect(await send(adapter, part)).toEqual(DELIVERED);
    expect(cloud.screen("wei")).toMatchObject([
      { via: "stream" },
      { via: "response_url", text: "there" },
    ]);
    const late = await pollOnce(cloud, deliver, "wei");
    expect(late).toMatchObject({ stream: { finish: true } });
    expect(JSON.stringify(late)).not.toContain("there");
  });

  it("is not repeated where a process ended between a poll's answer and the note of it", async () => {
    const { cloud, adapter, other, received, deliverWith } = await site({ silenceMs: 200 });
    const deliver = deliverWith(() => "crashed");
    const { polled } = await cloud.ask(deliver, cloud.text("wei", "hello"));
    const [part] = partsOf(received[0], markdown("there"), adapter);
    expect(await send(adapter, part)).toEqual(DELIVERED);
    await polled;
    // Another process finds it unfinished in the outbox.
    expect(await send(other, part)).toEqual(DELIVERED);
    expect(texts(cloud.screen("wei"))).toEqual(["there"]);
    expect(cloud.posts).toEqual([]);
  });

  it("closes before the platform stops asking, and the whole answer comes below", async () => {
    const { cloud, adapter, clock, received, deliver } = await site();
    await cloud.ask(deliver, cloud.text("wei", "hello"), { polls: false });
    const [message] = received;
    if (message) adapter.progress?.(message.target, "so far");
    await eventually(async () => {
      const poll = await pollOnce(cloud, deliver, "wei");
      expect(poll).toMatchObject({ stream: { content: "so far", finish: false } });
    });
    clock.aheadMs = 5.5 * MINUTE;
    const last = await pollOnce(cloud, deliver, "wei");
    expect(last).toMatchObject({ stream: { finish: true } });
    expect(JSON.stringify(last)).toMatch(/so far.*继续.*繼續.*continues/);
    clock.aheadMs = 9 * MINUTE;
    const [part] = partsOf(message, markdown("so far, and the end"), adapter);
    expect(await send(adapter, part)).toEqual(DELIVERED);
    expect(cloud.screen("wei").at(-1)).toMatchObject({
      via: "response_url",
      text: "so far, and the end",
    });
  });

  it("ends where there is no answer", async () => {
    const { cloud, adapter, received, deliver } = await site();
    const { polled } = await cloud.ask(deliver, cloud.text("wei", "hello"));
    if (received[0]) adapter.silent?.(received[0].target);
    await polled;
    expect(cloud.screen("wei")).toMatchObject([{ text: "■", isFinished: true }]);
  });

  const card = {
    ...{ id: "c1", title: "Sure?", fields: [], selects: [] },
    buttons: [{ id: "yes", label: "Yes" }],
  };

  it("is followed by its card", async () => {
    const { cloud, adapter, received, deliver } = await site();
    const { polled } = await cloud.ask(deliver, cloud.text("wei", "hello"));
    await sendAll(adapter, partsOf(received[0], { ...markdown("Look:"), card }, adapter));
    await polled;
    expect(cloud.screen("wei")).toMatchObject([{ text: "Look:" }, { via: "card" }]);
    expect(cloud.screen("wei")[1]?.text).toContain("Sure?");
  });

  it("is a card alone where there are no words", async () => {
    const { cloud, adapter, received, deliver } = await site();
    await cloud.ask(deliver, cloud.text("wei", "hello"), { polls: false });
    const [part] = partsOf(received[0], { ...markdown(""), card }, adapter);
    const sent = send(adapter, part);
    await eventually(async () => {
      expect(await pollOnce(cloud, deliver, "wei")).toMatchObject({
        msgtype: "stream_with_template_card",
        stream: { finish: true },
        template_card: { task_id: "c1" },
      });
    });
    expect(await sent).toEqual(DELIVERED);
  });
});

describe("a response URL", () => {
  const late = async (options: SiteOptions = {}) => {
    const made = await site({ silenceMs: 30, ...options });
    await made.cloud.ask(made.deliver, made.cloud.text("wei", "hello"), { polls: false });
    const [part] = partsOf(made.received[0], markdown("there"), made.adapter);
    return { ...made, part };
  };

  it("is not used where it leads to another host than the configured one", async () => {
    const { cloud, adapter, part, log } = await late({ apiBaseUrl: "http://127.0.0.1:9" });
    expect(await send(adapter, part)).toMatchObject({ kind: "retry" });
    expect(cloud.posts).toEqual([]);
    expect(JSON.stringify(log.lines)).toContain("wecom_response_url_foreign");
    expect(JSON.stringify(log.lines)).not.toContain("response_code");
  });

  it.each(["cut", "cut_after"] as const)(
    "shows an answer once where the outcome of a try was unknown (%s)",
    async (fault) => {
      const { cloud, adapter, part } = await late();
      cloud.failNext(fault);
      expect(await send(adapter, part)).toMatchObject({ kind: "unknown" });
      expect(await send(adapter, part)).toEqual(DELIVERED);
      expect(texts(cloud.screen("wei")).filter((text) => text === "there")).toHaveLength(1);
    },
  );

  it("is tried again when the platform is busy or limits us", async () => {
    const { cloud, adapter, part } = await late();
    cloud.failNext({ errcode: -1 }, { errcode: 45009 });
    expect(await send(adapter, part)).toMatchObject({ kind: "retry" });
    expect(await send(adapter, part)).toMatchObject({ kind: "retry" });
    expect(await send(adapter, part)).toEqual(DELIVERED);
  });

  it("is not posted to after its hour", async () => {
    const { cloud, adapter, clock, part } = await late();
    clock.aheadMs = 61 * MINUTE;
    expect(await send(adapter, part)).toMatchObject({ kind: "retry" });
    expect(cloud.posts).toEqual([]);
  });

  it("is in no key of the store, which are not encrypted", async () => {
    const { state } = await late();
    expect((await state.keys("")).join()).not.toContain("response_code");
  });
});

describe("an answer of 60 KB", () => {
  it("arrives whole and in order with the next message, and says what brings the rest", async () => {
    const { cloud, adapter, received, deliver } = await site();
    const long = linesOf(61_440);
    const first = await cloud.ask(deliver, cloud.text("wei", "all of it"));
    const parts = partsOf(received[0], markdown(long), adapter);
    expect(parts.length).toBeGreaterThan(2);
    await sendAll(adapter, parts.slice(0, 2));
    await first.polled;
    expect(await send(adapter, parts[2])).toMatchObject({ kind: "retry" });
    expect(cloud.screen("wei").at(-1)?.text).toContain("send any message to continue");
    const second = await cloud.ask(deliver, cloud.text("wei", "go on"));
    await second.polled;
    // Before anybody tries to send it again: it is what that message finds.
    expect(joined(cloud.screen("wei").slice(2))).toBe(parts[2] && shownBy(parts[2]));
    await cloud.ask(deliver, cloud.text("wei", "and on"), { polls: false });
    await sendAll(adapter, parts.slice(2));
    const bubbles = cloud.screen("wei").filter(({ text }) => text !== "");
    expect(joined(bubbles)).toBe(long);
  });

  it("arrives whole and in order by the corp's app, without another message", async () => {
    const platform = await startWecomCloud({ perMinute: 1_000 });
    ended.push(() => platform.close());
    const { cloud, adapter, received, deliver } = await site({ platform });
    const long = linesOf(61_440);
    const { polled } = await cloud.ask(deliver, cloud.text("wei", "all of it"));
    await sendAll(adapter, partsOf(received[0], markdown(long), adapter));
    await polled;
    const byApp = platform.seen("wei").map(({ text }) => text);
    expect(texts(cloud.screen("wei")).join("") + byApp.join("")).toBe(long);
  });

  it("never leaves its conversation with another chat's message", async () => {
    const { cloud, adapter, received, deliver } = await site();
    const first = await cloud.ask(deliver, cloud.text("wei", "all of it"));
    const parts = partsOf(received[0], markdown(linesOf(61_440)), adapter);
    await sendAll(adapter, parts.slice(0, 2));
    await first.polled;
    await cloud.ask(deliver, cloud.text("ann", "hello"), { polls: false });
    const group = { chattype: "group", chatid: "wei" };
    await cloud.ask(deliver, cloud.text("wei", "@bot hello", group), { polls: false });
    expect(await send(adapter, parts[2])).toMatchObject({ kind: "retry" });
  });

  it("keeps code that was cut in blocks of its own", async () => {
    const { adapter, cloud, received, deliver } = await site();
    await cloud.ask(deliver, cloud.text("wei", "code"), { polls: false });
    const code = markdown(`\`\`\`py\n${linesOf(30_000)}\n\`\`\`\nend`);
    const parts = partsOf(received[0], code, adapter);
    expect(parts).toHaveLength(2);
    for (const { body } of parts) expect((body.match(/```/g) ?? []).length).toBe(2);
  });
});

describe("a file in an answer", () => {
  const files = [{ name: "report.csv", bytes: Buffer.from("a,b\n1,2\n") }];

  it("goes by the corp's app, after the words", async () => {
    const platform = await startWecomCloud();
    ended.push(() => platform.close());
    const { cloud, adapter, received, deliver } = await site({ platform });
    const { polled } = await cloud.ask(deliver, cloud.text("wei", "report"));
    await sendAll(adapter, partsOf(received[0], { ...markdown("Here:"), files }, adapter));
    await polled;
    expect(texts(cloud.screen("wei"))).toEqual(["Here:"]);
    expect(platform.seen("wei")).toMatchObject([{ kind: "file", text: "report.csv" }]);
  });

  it("is named where no app can bring it", async () => {
    const { cloud, adapter, received, deliver } = await site();
    const { polled } = await cloud.ask(deliver, cloud.text("wei", "report"));
    await sendAll(adapter, partsOf(received[0], { ...markdown("Here:"), files }, adapter));
    await polled;
    expect(texts(cloud.screen("wei"))).toEqual(["Here:", "📎 report.csv ✗"]);
  });
});
