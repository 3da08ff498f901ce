import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Bot, type SlackApi, startSlackApi } from "../../fakes/slack-api.ts";
import { forever, inThread, openSender, partOf, ROOM, said, TEAM } from "./sender-fixture.ts";

const STATUS = "assistant.threads.setStatus";

let slack: SlackApi;
let bot: Bot;
let sender: ReturnType<typeof openSender>["sender"];

beforeEach(async () => {
  slack = await startSlackApi();
  bot = slack.install(TEAM);
  // Only what waits to be shown: connections keep their own time.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  sender = openSender(slack, bot, { timeoutMs: 60_000 }).sender;
});

afterEach(async () => {
  sender.stop();
  vi.useRealTimers();
  await slack.close();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const lines = () => slack.callsOf(STATUS).map(({ args }) => args.status);
/** However slow the machine is. */
const shown = (...expected: readonly string[]) => expect.poll(lines, POLL).toEqual(expected);
const POLL = { timeout: 20_000, interval: 10 };

const answer = (target: ReturnType<typeof inThread>) =>
  sender.send(partOf("1.0", target, sender.render(said("done"))[0] ?? ""), forever);

describe("the line that says that an answer is being made", () => {
  it("stands in the thread from a second on, is renewed, and ends with the answer", async () => {
    const ts = slack.say(ROOM, "question");
    sender.working(inThread(ts), "en");
    await pass(999);
    expect(lines()).toEqual([]);
    await pass(1);
    await shown("is thinking…");
    expect(slack.callsOf(STATUS)[0]?.args).toMatchObject({ channel_id: ROOM, thread_ts: ts });
    await vi.waitFor(async () => {
      await pass(90_000);
      expect(lines().length).toBeGreaterThan(1);
    }, POLL);
    expect((await answer(inThread(ts))).kind).toBe("delivered");
    const said = lines().length;
    await pass(10 * 60_000);
    expect(lines()).toHaveLength(said);
  });

  it("is not said where the answer is there at once", async () => {
    const ts = slack.say(ROOM, "question");
    sender.working(inThread(ts), "en");
    expect((await answer(inThread(ts))).kind).toBe("delivered");
    await pass(60_000);
    expect(lines()).toEqual([]);
  });

  it("is taken away where there is no answer", async () => {
    const target = inThread(slack.say(ROOM, "question"));
    sender.working(target, "zh-Hans");
    await pass(1_000);
    await shown("正在思考…");
    sender.silent(target);
    await shown("正在思考…", "");
  });

  it("makes way for the answer that begins to be shown", async () => {
    const target = inThread(slack.say(ROOM, "question"));
    sender.working(target, "en");
    sender.progress(target, "So far");
    await pass(5_000);
    expect(lines()).toEqual([]);
  });

  it("delays no answer for long where the call hangs", async () => {
    vi.useRealTimers();
    const target = inThread(slack.say(ROOM, "question"));
    slack.fail(STATUS, { kind: "hang" });
    sender.working(target, "en");
    await shown("is thinking…");
    expect((await answer(target)).kind).toBe("delivered");
  });

  it("is said in other rooms although one takes none", async () => {
    slack.fail(STATUS, { kind: "error", error: "channel_not_found" });
    const target = inThread(slack.say(ROOM, "question"));
    sender.working(target, "en");
    await pass(1_000);
    await shown("is thinking…");
    // What was refused must have arrived before the next one is begun.
    expect((await answer(target)).kind).toBe("delivered");
    sender.working(inThread(slack.say(ROOM, "another")), "en");
    await pass(1_000);
    await shown("is thinking…", "is thinking…");
  });

  it("is not asked for again where Slack does not let the app say it", async () => {
    slack.fail(STATUS, { kind: "error", error: "missing_scope" });
    const target = inThread(slack.say(ROOM, "question"));
    sender.working(target, "en");
    await pass(1_000);
    await shown("is thinking…");
    // What was refused must have arrived before the next one is begun.
    expect((await answer(target)).kind).toBe("delivered");
    sender.working(inThread(slack.say(ROOM, "another")), "en");
    await pass(60_000);
    expect(lines()).toHaveLength(1);
  });
});
