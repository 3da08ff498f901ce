import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { OutboundPart } from "../../../core/contract/channel.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { type Bot, type SlackApi, startSlackApi } from "../../fakes/slack-api.ts";
import { forever, inThread, openSender, partOf, ROOM, said, TEAM } from "./sender-fixture.ts";

let slack: SlackApi;
let bot: Bot;
let senders: ReturnType<typeof openSender>["sender"][];

beforeEach(async () => {
  slack = await startSlackApi();
  bot = slack.install(TEAM);
  senders = [];
  // Only what waits for the next edit: connections keep their own time.
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout"],
    shouldAdvanceTime: true,
    advanceTimeDelta: 50,
  });
});

afterEach(async () => {
  vi.useRealTimers();
  for (const sender of senders) sender.stop();
  await slack.close();
});

const open = (options: Parameters<typeof openSender>[2] = {}) => {
  const fixture = openSender(slack, bot, { timeoutMs: 60_000, ...options });
  senders.push(fixture.sender);
  return fixture;
};

const bodyOf = (sender: ReturnType<typeof open>["sender"], markdown: string): string =>
  sender.render(said(markdown))[0] ?? "";

const shown = (ts: string) => slack.messages(ROOM, ts).map(({ text }) => text);
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
/** However slow the machine is. */
const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000 });
const untilShown = (ts: string, text: string) =>
  eventually(async () => {
    await pass(200);
    expect(shown(ts)).toEqual([text]);
  });

/** Tries until it is in, as the outbox does. */
const deliver = async (sender: ReturnType<typeof open>["sender"], first: OutboundPart) => {
  for (let attempt = 1; attempt <= 6; attempt++) {
    const part = { ...first, attempt };
    const found = attempt === 1 ? undefined : await sender.reconcile(part, forever);
    if (found?.kind === "delivered") return;
    const outcome = await sender.send(part, forever);
    if (outcome.kind === "delivered") return;
    if (outcome.kind === "refused") throw new Error(outcome.reason);
    await pass(outcome.kind === "retry" ? outcome.afterMs : 500);
  }
  throw new Error("never delivered");
};

describe("an answer that grows", () => {
  it("is streamed in its thread and becomes the whole answer in the same message", async () => {
    const { sender, counted } = open();
    const ts = slack.say(ROOM, "question");
    sender.progress(inThread(ts), "Hello");
    await untilShown(ts, "Hello");
    sender.progress(inThread(ts), "Hello <!channel> @here");
    await untilShown(ts, "Hello <\u2060!channel> @\u2060here");
    expect(slack.callsOf("chat.startStream")[0]?.args).toMatchObject({
      recipient_user_id: "U0ASKER",
      recipient_team_id: TEAM,
      thread_ts: ts,
    });
    await deliver(sender, partOf("1.0", inThread(ts), bodyOf(sender, "Hello **all**")));
    expect(slack.messages(ROOM, ts)).toMatchObject([
      { text: "Hello *all*", isStreaming: false, metadata: { event_payload: { id: "1.0" } } },
    ]);
    await deliver(sender, partOf("1.1", inThread(ts), bodyOf(sender, "second part")));
    expect(shown(ts)).toEqual(["Hello *all*", "second part"]);
    expect(counted).toEqual([expect.stringMatching(/^stream \d+$/)]);
  });

  it("grows by edits where there are no streams, and is not asked for them again", async () => {
    const { sender } = open();
    slack.on("chat.startStream", () => ({ ok: false, error: "unknown_method" }));
    for (const id of ["1.0", "2.0"]) {
      const ts = slack.say(ROOM, "question");
      sender.progress(inThread(ts), "One");
      await untilShown(ts, "One");
      sender.progress(inThread(ts), "One **two** <!here>");
      await untilShown(ts, "One *two* &lt;!here&gt;");
      await deliver(sender, partOf(id, inThread(ts), bodyOf(sender, "whole")));
      expect(shown(ts)).toEqual(["whole"]);
    }
    expect(slack.callsOf("chat.startStream")).toHaveLength(1);
  });

  it("is streamed in other rooms where one of them takes nothing", async () => {
    const { sender } = open();
    slack.fail("chat.startStream", { kind: "error", error: "is_archived" });
    const [archived, ts] = [slack.say(ROOM, "question"), slack.say(ROOM, "question")];
    sender.progress(inThread(archived), "One");
    await eventually(async () => {
      await pass(200);
      expect(slack.callsOf("chat.startStream")).toHaveLength(1);
    });
    sender.progress(inThread(ts), "One");
    await untilShown(ts, "One");
    expect(slack.callsOf("chat.startStream")).toHaveLength(2);
    expect(shown(archived)).toEqual([]);
  });

  it.each(["chat.startStream", "chat.postMessage"])(
    "is one message where Slack speaks of trouble of its own after %s",
    async (method) => {
      const { sender } = open();
      if (method === "chat.postMessage") {
        slack.on("chat.startStream", () => ({ ok: false, error: "unknown_method" }));
      }
      slack.fail(method, { kind: "error", error: "internal_error", commit: true });
      const ts = slack.say(ROOM, "question");
      sender.progress(inThread(ts), "One");
      await untilShown(ts, "One");
      await deliver(sender, partOf("1.0", inThread(ts), bodyOf(sender, "whole")));
      expect(shown(ts)).toEqual(["whole"]);
    },
  );

  it("becomes whole where Slack takes it for unfinished once more", async () => {
    const { sender } = open();
    const ts = slack.say(ROOM, "question");
    sender.progress(inThread(ts), "One");
    await untilShown(ts, "One");
    slack.fail("chat.update", { kind: "error", error: "streaming_state_conflict" });
    await deliver(sender, partOf("1.0", inThread(ts), bodyOf(sender, "whole")));
    expect(shown(ts)).toEqual(["whole"]);
  });

  it("grows by edits in a direct chat without a thread", async () => {
    const { sender } = open();
    const replyTo = slack.say("D0ASKER", "question");
    const target = inThread("", { channelId: "D0ASKER", threadTs: "", replyTo });
    sender.progress(target, "One");
    await eventually(async () => {
      await pass(200);
      expect(slack.messages("D0ASKER")).toHaveLength(2);
    });
    await deliver(sender, partOf("1.0", target, bodyOf(sender, "whole")));
    expect(slack.messages("D0ASKER").map(({ text }) => text)).toEqual(["question", "whole"]);
  });

  it("is not begun where the answer is whole at once", async () => {
    const { sender } = open();
    const ts = slack.say(ROOM, "question");
    sender.progress(inThread(ts), "whole");
    await deliver(sender, partOf("1.0", inThread(ts), bodyOf(sender, "whole")));
    await pass(5_000);
    expect(slack.calls.map(({ method }) => method)).toEqual(["chat.postMessage"]);
  });

  it("is edited about once a second, however often it grows", async () => {
    const { sender } = open();
    slack.on("chat.startStream", () => ({ ok: false, error: "unknown_method" }));
    const ts = slack.say(ROOM, "question");
    for (let step = 1; step <= 100; step++) {
      sender.progress(inThread(ts), "word ".repeat(step));
      await pass(50);
    }
    // Five seconds.
    expect(slack.callsOf("chat.update").length).toBeLessThanOrEqual(6);
    expect(slack.callsOf("chat.update").length).toBeGreaterThan(1);
  });

  it.each([
    ["a stream that ended by itself", "message_not_in_streaming_state"],
    ["a stream that Slack no longer knows", "internal_error"],
  ])("loses nothing with %s", async (_, error) => {
    const { sender } = open();
    const ts = slack.say(ROOM, "question");
    sender.progress(inThread(ts), "One");
    await untilShown(ts, "One");
    slack.fail("chat.appendStream", { kind: "error", error });
    sender.progress(inThread(ts), "One two");
    await untilShown(ts, "One two");
    await deliver(sender, partOf("1.0", inThread(ts), bodyOf(sender, "One two three")));
    expect(shown(ts)).toEqual(["One two three"]);
  });

  it.each([
    ["is stored", { kind: "status", status: 500, commit: true }],
    ["breaks off", { kind: "drop", commit: true }],
    ["is not stored", { kind: "status", status: 500 }],
  ] as const)("arrives once when its beginning fails and %s", async (_, fault) => {
    for (const method of ["chat.startStream", "chat.postMessage"]) {
      const { sender } = open();
      if (method === "chat.postMessage") {
        slack.on("chat.startStream", () => ({ ok: false, error: "unknown_method" }));
      }
      const ts = slack.say(ROOM, "question");
      slack.fail(method, fault);
      sender.progress(inThread(ts), "One");
      await eventually(async () => {
        await pass(200);
        expect(slack.callsOf(method).length).toBeGreaterThan(0);
      });
      await deliver(sender, partOf(`${method}.0`, inThread(ts), bodyOf(sender, "whole")));
      expect(shown(ts)).toEqual(["whole"]);
    }
  });

  it.each(["chat.stopStream", "chat.update"])("arrives once when %s fails", async (method) => {
    const { sender } = open();
    const ts = slack.say(ROOM, "question");
    sender.progress(inThread(ts), "One");
    await untilShown(ts, "One");
    slack.fail(method, { kind: "status", status: 500, commit: true });
    slack.fail(method, { kind: "drop" });
    slack.fail(method, { kind: "limited", retryAfterS: 0 });
    await deliver(sender, partOf("1.0", inThread(ts), bodyOf(sender, "whole")));
    expect(shown(ts)).toEqual(["whole"]);
  });

  it("is posted anew where somebody deleted what there was of it", async () => {
    const { sender } = open();
    const ts = slack.say(ROOM, "question");
    sender.progress(inThread(ts), "One");
    await untilShown(ts, "One");
    slack.fail("chat.update", { kind: "error", error: "message_not_found" });
    await deliver(sender, partOf("1.0", inThread(ts), bodyOf(sender, "whole")));
    expect(shown(ts)).toEqual(["One", "whole"]);
  });

  it("arrives once after the process has died in the middle", async () => {
    const state = memoryState();
    const before = open({ state });
    const ts = slack.say(ROOM, "question");
    before.sender.progress(inThread(ts), "One");
    await untilShown(ts, "One");
    before.sender.stop();
    const { sender } = open({ state });
    // The turn runs again, and says something else this time.
    sender.progress(inThread(ts), "Two");
    await untilShown(ts, "Two");
    await deliver(sender, partOf("1.0", inThread(ts), bodyOf(sender, "whole")));
    expect(shown(ts)).toEqual(["whole"]);
  });

  it("is one message where another process sends it, and grows no more from then on", async () => {
    const state = memoryState();
    let time = Date.now();
    const options = { state, isAlone: false, now: () => new Date(time) };
    const [shows, sends] = [open(options), open(options)];
    const ts = slack.say(ROOM, "question");
    shows.sender.progress(inThread(ts), "One");
    await untilShown(ts, "One");
    const part = partOf("1.0", inThread(ts), bodyOf(sends.sender, "whole"));
    expect(await sends.sender.send(part, forever)).toMatchObject({ kind: "retry" });
    shows.sender.progress(inThread(ts), "One two");
    await pass(3_000);
    time += 3_000;
    expect(await sends.sender.send(part, forever)).toEqual({ kind: "delivered" });
    shows.sender.progress(inThread(ts), "One two three");
    await pass(3_000);
    expect(shown(ts)).toEqual(["whole"]);
  });

  it("disappears where there is no answer after all", async () => {
    const { sender } = open();
    const ts = slack.say(ROOM, "question");
    sender.progress(inThread(ts), "One");
    await untilShown(ts, "One");
    sender.silent(inThread(ts));
    await eventually(() => expect(shown(ts)).toEqual([]));
  });
});
