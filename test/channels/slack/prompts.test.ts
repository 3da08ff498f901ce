import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { slackTarget } from "../../../channels/slack/target.ts";
import { type SlackApi, startSlackApi } from "../../fakes/slack-api.ts";
import { inThread, openSender, TEAM } from "./sender-fixture.ts";

const METHOD = "assistant.threads.setSuggestedPrompts";
const PATIENT = { timeout: 30_000, interval: 10 };
const suggestions = ["one", "two", "three", "four", "five"].map((title) => ({
  title,
  text: `say ${title}`,
}));

let slack: SlackApi;
let opened: ReturnType<typeof openSender>;
beforeEach(async () => {
  slack = await startSlackApi();
  opened = openSender(slack, slack.install(TEAM));
});
afterEach(async () => {
  opened.sender.stop();
  await slack.close();
});

const chat = (threadTs?: string) =>
  slackTarget({
    ...{ teamId: TEAM, channelId: "D0ANN", userId: "U0ANN", replyTo: "T0TEAM/event/Ev1" },
    ...(threadTs !== undefined && { threadTs }),
  });
const shown = async () => {
  await vi.waitFor(() => expect(slack.callsOf(METHOD)).toHaveLength(1), PATIENT);
  return slack.callsOf(METHOD)[0]?.args;
};

describe("suggested prompts", () => {
  it("are the first four, in the thread that an older assistant app was opened in", async () => {
    opened.sender.suggest(chat("1700000000.000200"), suggestions);
    expect(await shown()).toEqual({
      ...{ channel_id: "D0ANN", thread_ts: "1700000000.000200" },
      prompts: [
        { title: "one", message: "say one" },
        { title: "two", message: "say two" },
        { title: "three", message: "say three" },
        { title: "four", message: "say four" },
      ],
    });
  });

  it("name no thread where a newer app was opened, which would make Slack drop them", async () => {
    opened.sender.suggest(chat(), suggestions);
    expect(await shown()).not.toHaveProperty("thread_ts");
  });

  it("are shown in direct chats only", async () => {
    opened.sender.suggest(inThread("1700000000.000300"), suggestions);
    opened.sender.suggest(chat(), []);
    opened.sender.suggest(chat(), suggestions);
    expect(await shown()).toMatchObject({ channel_id: "D0ANN" });
  });

  it("are given up, with a line in the log, where Slack does not take them", async () => {
    slack.fail(METHOD, { kind: "error", error: "missing_scope" });
    opened.sender.suggest(chat(), suggestions);
    const line = { level: "info", fields: expect.objectContaining({ reason: "missing_scope" }) };
    await vi.waitFor(
      () => expect(opened.log.lines).toContainEqual(expect.objectContaining(line)),
      PATIENT,
    );
    expect(slack.callsOf(METHOD)).toHaveLength(1);
  });
});
