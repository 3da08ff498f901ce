import { describe, expect, it } from "vitest";
import { readTarget, slackTarget } from "../../../channels/slack/target.ts";

describe("where an answer goes in Slack", () => {
  it.each([
    { teamId: "T1", channelId: "D1", replyTo: "1.2" },
    { teamId: "T1", channelId: "C1", threadTs: "1.2", userId: "U1", replyTo: "1.3" },
    {
      teamId: "T1",
      channelId: "C1",
      replyTo: "T1/command/9",
      responseUrl: "https://hooks.slack.com/x",
    },
    { teamId: "T1", channelId: "C1", replyTo: "9", cardTs: "1.4", responseUrl: "https://x" },
  ])("is read as it was written: %j", (target) => {
    const stored = JSON.parse(JSON.stringify(slackTarget(target)));
    expect(readTarget(stored)).toEqual(target);
  });

  it.each(["", "C1/x", "C1/1.2/U1/more", "C 1", "C1/1.2/U 1", "../C1"])(
    "is not read from %j",
    (address) => {
      const target = slackTarget({ teamId: "T1", channelId: "C1", replyTo: "1.2" });
      expect(readTarget({ ...target, address })).toBeUndefined();
    },
  );
});
