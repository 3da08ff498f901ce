import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CONTINUES } from "../../../../channels/wecom/bot/words.ts";
import type { Request } from "../../../../channels/wecom/bot-link/connection.ts";
import { createReplyContexts } from "../../../../channels/wecom/bot-link/contexts.ts";
import { createGrowing, type Growing } from "../../../../channels/wecom/bot-link/growing.ts";
import { createLinkSender, type LinkSender } from "../../../../channels/wecom/bot-link/sender.ts";
import { toBody } from "../../../../channels/wecom/outgoing.ts";
import { createPace } from "../../../../channels/wecom/pace.ts";
import type { OutboundPart, SendOutcome } from "../../../../core/contract/channel.ts";
import type { InboundMessage } from "../../../../core/contract/message.ts";
import { memoryState } from "../../../fakes/channel-state.ts";
import { recordedLog } from "../../../fakes/log.ts";

const MINUTE_MS = 60_000;
const TARGET = {
  ...{ channel: "wechat_work", workspaceId: "ww1", appId: "aib1" },
  ...{ address: "Zhang.San", replyTo: "ww1/aib1/M1" },
};
const MESSAGE: InboundMessage = {
  ...{ id: TARGET.replyTo, channel: "wechat_work", workspaceId: "ww1", target: TARGET },
  conversation: { id: "aib1/zhang.san", kind: "direct" },
  sender: { id: "zhang.san", displayName: "Zhang.San", isBot: false, departments: [], roles: [] },
  content: { kind: "text", text: "long" },
  sentAt: new Date(0),
};

interface Frame {
  readonly command: string;
  readonly atMs: number;
  readonly stream?: { readonly id: string; readonly content: string; readonly finish: boolean };
  readonly markdown?: { readonly content: string };
}

describe("a long answer on a long connection", () => {
  let frames: Frame[];
  let growing: Growing;
  let sender: LinkSender;
  /** How long after the first frame the platform takes further ones of a stream. */
  let streamMs: number;
  /** Resolves acknowledgements; undefined = at once. */
  let acknowledge: Promise<void> | undefined;

  const request: Request = async (command, body) => {
    const atMs = Date.now();
    const begun = frames[0]?.atMs ?? atMs;
    frames.push({ command, atMs, ...body });
    await acknowledge;
    const isLate = command === "aibot_respond_msg" && atMs - begun > streamMs;
    return { kind: "acknowledged", errcode: isLate ? 846608 : 0, body: undefined };
  };

  beforeEach(async () => {
    vi.useFakeTimers({ now: 0 });
    frames = [];
    streamMs = 10 * MINUTE_MS;
    acknowledge = undefined;
    const now = () => new Date();
    const contexts = createReplyContexts(memoryState(), "aib1");
    const pace = createPace(now);
    const log = recordedLog();
    growing = createGrowing({
      ...{ contexts, now, log },
      respond: (_target, reqId, answer) => request("aibot_respond_msg", answer, reqId),
      mayShow: async () => (await pace.reserve("zhang.san")) === 0,
    });
    sender = createLinkSender({
      ...{ botId: "aib1", contexts, growing, pace, now, log },
      upload: async () => ({ kind: "uploaded", mediaId: "unused" }),
    });
    await contexts.remember(MESSAGE, "callback-1", now());
    growing.open(TARGET, "callback-1");
  });
  afterEach(() => {
    growing.stop();
    vi.useRealTimers();
  });

  const work = async (ms: number): Promise<string> => {
    let text = "";
    for (let passedMs = 0; passedMs < ms; passedMs += 200) {
      text += "word ";
      growing.show(TARGET, text);
      await vi.advanceTimersByTimeAsync(200);
    }
    return text;
  };
  const send = (text: string): Promise<SendOutcome> => {
    const part: OutboundPart = {
      ...{ id: "1.0", target: TARGET, attempt: 1, isRepeat: false },
      body: toBody({ kind: "markdown", text }),
    };
    return sender.send(part, request, new AbortController().signal);
  };
  const responses = () => frames.filter(({ command }) => command === "aibot_respond_msg");

  it("arrives after 9 minutes, where it was growing", async () => {
    const text = await work(9 * MINUTE_MS);
    expect(await send(text)).toEqual({ kind: "delivered" });
    const ids = new Set(responses().map(({ stream }) => stream?.id));
    expect(ids.size).toBe(1);
    expect(frames.at(-1)?.stream).toMatchObject({ content: text, finish: true });
    expect(frames.filter(({ stream }) => stream?.finish)).toHaveLength(1);
  });

  it("arrives after 9 minutes, although nothing was shown of it", async () => {
    await vi.advanceTimersByTimeAsync(9 * MINUTE_MS);
    expect(await send("done")).toEqual({ kind: "delivered" });
    expect(frames.at(0)?.stream).toMatchObject({ content: "<think></think>", finish: false });
    expect(frames.at(-1)?.stream).toMatchObject({ content: "done", finish: true });
  });

  it("arrives after 9 minutes where streams are closed after 6", async () => {
    streamMs = 6 * MINUTE_MS;
    const text = await work(9 * MINUTE_MS);
    expect(await send(text)).toEqual({ kind: "delivered" });
    expect(frames.at(-1)).toMatchObject({ command: "aibot_send_msg", markdown: { content: text } });
  });

  it("goes on below when ten minutes are not enough", async () => {
    const text = await work(12 * MINUTE_MS);
    expect(await send(text)).toEqual({ kind: "delivered" });
    const last = responses().at(-1);
    expect(last?.stream?.finish).toBe(true);
    expect(last?.stream?.content.endsWith(CONTINUES)).toBe(true);
    expect(last?.atMs).toBeLessThan(10 * MINUTE_MS);
    expect(frames.at(-1)).toMatchObject({ command: "aibot_send_msg", markdown: { content: text } });
  });

  it("takes frames two seconds apart at least, and leaves room for other messages", async () => {
    await work(9 * MINUTE_MS);
    const times = responses().map(({ atMs }) => atMs);
    for (const [index, atMs] of times.slice(1).entries()) {
      expect(atMs - (times[index] ?? 0)).toBeGreaterThanOrEqual(2_000);
    }
    for (const from of times) {
      const within = times.filter((atMs) => atMs >= from && atMs < from + MINUTE_MS);
      expect(within.length).toBeLessThanOrEqual(20);
    }
  });

  it("waits for each acknowledgement and drops what came meanwhile, but never the end", async () => {
    let release = (): void => {};
    acknowledge = new Promise((resolve) => {
      release = resolve;
    });
    await work(30_000);
    expect(frames).toHaveLength(1);
    const sent = send("the end");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(frames).toHaveLength(1);
    release();
    expect(await sent).toEqual({ kind: "delivered" });
    expect(frames.map(({ stream }) => stream?.content)).toEqual(["word ", "the end"]);
  });
});
