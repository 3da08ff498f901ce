import { afterEach, describe, expect, it, vi } from "vitest";
import { fromBody } from "../../../channels/slack/outgoing.ts";
import { slackTarget } from "../../../channels/slack/target.ts";
import { describeChannel } from "../../contract/channel.ts";
import { startSlackApi } from "../../fakes/slack-api.ts";
import { directMessage, eventBody, signed } from "../../fakes/slack-events.ts";
import { PATH, type SlackFixture, slackAdapter, startedSlack } from "./slack-fixture.ts";

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const unescaped = (text: string): string =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

const bodyOf = (text: string, id: string): string =>
  JSON.stringify(
    eventBody(directMessage(escaped(text), { ts: `1700000000.00000${id}` }), {
      event_id: `Ev${id}`,
    }),
  );

const anHourAgo = new Date(Date.now() - 3_600_000);
const inAnHour = new Date(Date.now() + 3_600_000);

describeChannel("slack", () => {
  const hello = bodyOf("hello", "1");
  return {
    adapter: slackAdapter().adapter,
    path: PATH,
    message: (text, id) => signed(bodyOf(text, id)),
    forged: () => ({
      "no signature": signed(hello, "json", { headers: { "x-slack-signature": undefined } }),
      "no timestamp": signed(hello, "json", {
        headers: { "x-slack-request-timestamp": undefined },
      }),
      "another secret": signed(hello, "json", { secret: "guessed" }),
      "an empty secret": signed(hello, "json", { secret: "" }),
      "another body": { ...signed(hello), body: Buffer.from(bodyOf("hello world", "1")) },
      "a replay of an hour ago": signed(hello, "json", { at: anHourAgo }),
      "a request of the future": signed(hello, "json", { at: inAnHour }),
      "another time than signed": signed(hello, "json", {
        headers: { "x-slack-request-timestamp": String(Math.floor(Date.now() / 1000) - 1) },
      }),
      "a signature that is none": signed(hello, "json", {
        headers: { "x-slack-signature": "v0=hello" },
      }),
      "two signatures": signed(hello, "json", {
        headers: { "x-slack-signature": ["v0=1", "v0=2"] },
      }),
      "a request URL's verification": signed(
        JSON.stringify({ type: "url_verification", challenge: "hello" }),
        "json",
        { secret: "guessed" },
      ),
    }),
    unreadable: () => ({
      "no JSON": signed("{hello"),
      "a list": signed('["hello"]'),
      "a form of no known kind": signed("hello=1", "form"),
      "a payload that is no JSON": signed("payload=hello", "form"),
      nothing: signed(""),
      "another method": { ...signed(hello), method: "PUT" },
    }),
    part: () => ({
      id: "part",
      target: slackTarget({ teamId: "T0TEAM", channelId: "D0ANN", userId: "U0ANN", replyTo: "m1" }),
      body: "vhello",
      attempt: 1,
      isRepeat: false,
    }),
    textIn: (body) => {
      const outgoing = fromBody(body);
      return outgoing.kind === "file"
        ? Buffer.from(outgoing.data, "base64").toString("utf8")
        : unescaped(outgoing.text);
    },
  };
});

describe("a clock that is set back by an hour", () => {
  it("does not hold up a room that Slack limited for a moment", async () => {
    const api = await startSlackApi();
    const { token } = api.install("T0TEAM");
    let time = Date.now();
    const settings = {
      ...{ workspaces: [{ team_id: "T0TEAM", bot_token: token }], api_base_url: api.baseUrl },
    };
    const { adapter } = await startedSlack({ settings, now: () => new Date(time) });
    const target = slackTarget({ teamId: "T0TEAM", channelId: "D0ANN", replyTo: "m1" });
    const part = { ...{ id: "1.0", target, body: "mhello" }, attempt: 1, isRepeat: false };
    const send = () => adapter.send(part, new AbortController().signal);
    api.fail("chat.postMessage", { kind: "limited", retryAfterS: 0.2 });
    expect(await send()).toMatchObject({ kind: "retry", afterMs: 200 });
    time -= 3_600_000;
    await vi.waitFor(async () => expect(await send()).toEqual({ kind: "delivered" }), {
      ...{ timeout: 20_000, interval: 20 },
    });
    await adapter.stop();
    await api.close();
  });
});

describe("what keeps the channel from working", () => {
  let slack: SlackFixture | undefined;
  afterEach(() => slack?.adapter.stop());

  it("is said where the signing secret is missing, and nothing is accepted", async () => {
    slack = await startedSlack({ settings: { signing_secret: undefined } });
    expect(slack.adapter.fault?.()).toMatch(/signing_secret is missing/);
    await expect(slack.post(signed(bodyOf("hello", "1")))).rejects.toThrow("SIGNATURE");
    await expect(slack.post(signed(bodyOf("hello", "1"), "json", { secret: "" }))).rejects.toThrow(
      "SIGNATURE",
    );
  });

  it("is said where the token of Socket Mode is missing", async () => {
    slack = await startedSlack({ settings: { mode: "socket" } });
    expect(slack.adapter.fault?.()).toMatch(/app_token is missing/);
    expect([...slack.adapter.webhooks.keys()]).toEqual([]);
  });

  it("accepts what was signed with the secret before a rotation", async () => {
    slack = await startedSlack({ settings: { previous: [{ signing_secret: "before" }] } });
    for (const secret of ["before", undefined]) {
      const signing = secret === undefined ? {} : { secret };
      expect((await slack.post(signed(bodyOf("hello", "1"), "json", signing))).status).toBe(200);
    }
    expect(slack.received).toHaveLength(1);
  });
});
