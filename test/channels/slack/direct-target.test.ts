import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OutboundPart } from "../../../core/contract/channel.ts";
import { type Bot, type SlackApi, startSlackApi } from "../../fakes/slack-api.ts";
import { forever, openSender, partOf, said, TEAM } from "./sender-fixture.ts";
import { slackAdapter } from "./slack-fixture.ts";

let slack: SlackApi;
let bot: Bot;
let fixture: ReturnType<typeof openSender>;

beforeEach(async () => {
  slack = await startSlackApi();
  bot = slack.install(TEAM);
  fixture = openSender(slack, bot);
});

afterEach(async () => {
  fixture.sender.stop();
  await slack.close();
});

const partTo = (userId: string): OutboundPart => {
  const target = slackAdapter().adapter.directTarget?.(TEAM, userId);
  if (!target) throw new Error("nobody can be told there");
  const [body = ""] = fixture.sender.render(said("a notice"), target);
  return partOf("1.0", target, body);
};

describe("what somebody in Slack is told unasked", () => {
  it("stands in their direct chat, also if they never wrote", async () => {
    expect(await fixture.sender.send(partTo("U0ANN"), forever)).toEqual({ kind: "delivered" });
    expect(slack.messages("D0ANN")).toMatchObject([{ text: "a notice", user: bot.userId }]);
  });

  it.each([true, false])(
    "is found there, or sent again, when its fate is unknown (%s)",
    async (commit) => {
      slack.fail("chat.postMessage", { kind: "status", status: 500, commit });
      const part = partTo("U0ANN");
      expect((await fixture.sender.send(part, forever)).kind).toBe("unknown");
      const found = await fixture.sender.reconcile({ ...part, attempt: 2 }, forever);
      expect(found).toEqual({ kind: commit ? "delivered" : "send" });
      if (!commit) await fixture.sender.send({ ...part, attempt: 2 }, forever);
      expect(slack.messages("D0ANN")).toHaveLength(1);
    },
  );

  it("has no address for what is no person, nor where the app has no token", () => {
    const { adapter } = slackAdapter();
    expect(adapter.directTarget?.(TEAM, "C0ROOM")).toBeUndefined();
    expect(adapter.directTarget?.(TEAM, "U1/../x")).toBeUndefined();
    expect(adapter.directTarget?.("T0OTHER", "U0ANN")).toBeUndefined();
    const { adapter: other } = slackAdapter({ settings: { bot_token: "xoxb-one" } });
    expect(other.directTarget?.("T0OTHER", "U0ANN")).toBeDefined();
  });
});
