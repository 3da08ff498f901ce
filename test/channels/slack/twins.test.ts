import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { type SlackApi, startSlackApi } from "../../fakes/slack-api.ts";
import {
  BOT_USER,
  eventBody,
  mention,
  newTs,
  roomMessage,
  signed,
  TEAM,
} from "../../fakes/slack-events.ts";
import { type FixtureOptions, type SlackFixture, startedSlack } from "./slack-fixture.ts";

const FILES = [
  {
    ...{ id: "F1", name: "sales.csv", mimetype: "text/csv", size: 12, mode: "hosted" },
    url_private_download: "https://files.slack.com/sales.csv",
  },
];
const CALLED = `<@${BOT_USER}> what does it say?`;
const forever = new AbortController().signal;

let api: SlackApi;
let running: SlackFixture[];

beforeEach(async () => {
  api = await startSlackApi();
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map(({ adapter }) => adapter.stop()));
  await api.close();
});

const start = async (options: FixtureOptions = {}): Promise<SlackFixture> => {
  const { token } = api.install(TEAM);
  const settings = {
    workspaces: [{ team_id: TEAM, bot_token: token }],
    api_base_url: api.baseUrl,
  };
  const slack = await startedSlack({ settings, ...options });
  running.push(slack);
  return slack;
};

const tell = async (slack: SlackFixture, event: object): Promise<void> => {
  const { status } = await slack.post(signed(JSON.stringify(eventBody({ ...event }))));
  expect(status).toBe(200);
};

/** The message as its turn gets it. */
const atTurn = async ({ adapter, received }: SlackFixture): Promise<InboundMessage | undefined> => {
  const [message] = received;
  const isPartial = message?.content.kind === "text" && message.content.isPartial;
  return message && isPartial ? adapter.complete?.(message, forever) : message;
};

const filesOf = (message: InboundMessage | undefined) =>
  message?.content.kind === "text"
    ? (message.content.attachments ?? []).map(({ name }) => name)
    : undefined;

const replies = () => api.callsOf("conversations.replies");

describe("a mention with files, told by two events of which one names them", () => {
  const both = (ts: string) =>
    [
      mention(CALLED, { ts }),
      roomMessage(CALLED, { ts, subtype: "file_share", files: FILES }),
    ] as const;

  it("has them at its turn, whichever comes first, and nobody is asked", async () => {
    for (const events of [both(newTs()), [...both(newTs())].reverse()]) {
      const slack = await start();
      for (const event of events) await tell(slack, event);
      expect(slack.received).toHaveLength(1);
      expect(filesOf(await atTurn(slack))).toEqual(["sales.csv"]);
    }
    expect(replies()).toEqual([]);
  });

  it("has them where its turn begins before the second event comes", async () => {
    const slack = await start();
    const [first, second] = both(newTs());
    await tell(slack, first);
    const turn = atTurn(slack);
    await tell(slack, second);
    expect(filesOf(await turn)).toEqual(["sales.csv"]);
  });

  it("has them after a restart, and where another process heard the second one", async () => {
    const state = memoryState();
    const [one, other] = [await start({ state }), await start({ state })];
    const [first, second] = both(newTs());
    await tell(one, first);
    // It finds the message stored.
    other.received.push(...one.received);
    await tell(other, second);
    const after = await start({ state });
    after.received.push(...one.received);
    expect(filesOf(await atTurn(after))).toEqual(["sales.csv"]);
    expect(replies()).toEqual([]);
  });

  it("has them where the second event never comes, by one question", async () => {
    const ts = newTs();
    const asked: object[] = [];
    api.on("conversations.replies", (args) => {
      asked.push(args);
      return { messages: [{ ts: "1.1" }, { ts, files: FILES }] };
    });
    const slack = await start();
    await tell(slack, mention(CALLED, { ts }));
    expect(filesOf(await atTurn(slack))).toEqual(["sales.csv"]);
    expect(asked).toMatchObject([{ channel: "C0ROOM", ts, oldest: ts, latest: ts }]);
  });

  it("is not asked for what it names itself", async () => {
    const slack = await start();
    await tell(slack, mention(CALLED, { files: FILES }));
    expect(slack.received[0]?.content).not.toHaveProperty("isPartial");
    expect(filesOf(slack.received[0])).toEqual(["sales.csv"]);
  });
});

describe("a mention without files", () => {
  it("waits for nothing once its twin says so", async () => {
    const slack = await start();
    const ts = newTs();
    await tell(slack, mention(CALLED, { ts }));
    await tell(slack, roomMessage(CALLED, { ts }));
    const message = await atTurn(slack);
    expect(message?.content).toEqual({ kind: "text", text: "what does it say?" });
    expect(replies()).toEqual([]);
  });

  it("is answered without where nobody can say whether there are any", async () => {
    const slack = await start();
    api.fail("conversations.replies", { kind: "status", status: 500 });
    await tell(slack, mention(CALLED));
    expect((await atTurn(slack))?.content).toEqual({ kind: "text", text: "what does it say?" });
    expect(slack.log.lines.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/cannot be told/),
    );
  });

  it("neither waits nor asks where mentions always come alone, unless it has no words", async () => {
    api.on("conversations.replies", ({ ts }) => ({ messages: [{ ts }] }));
    const slack = await start();
    const next = async (text: string) => {
      slack.received.length = 0;
      await tell(slack, mention(text));
      return atTurn(slack);
    };
    for (let times = 0; times < 3; times++) await next(CALLED);
    expect(replies()).toHaveLength(3);
    const timers = vi.spyOn(globalThis, "setTimeout");
    await next(CALLED);
    expect(timers.mock.calls.filter(([, ms]) => ms !== undefined && ms > 0)).toEqual([]);
    timers.mockRestore();
    expect(replies()).toHaveLength(3);
    await next(`<@${BOT_USER}>`);
    expect(replies()).toHaveLength(4);
  });

  it("costs neither time nor calls in any room of a workspace where none ever has a twin and Slack refuses to say", async () => {
    api.fail("conversations.replies", { kind: "status", status: 500 });
    const slack = await start();
    for (let room = 0; room < 10; room++) {
      await tell(slack, mention(CALLED, { channel: `C${room}` }));
    }
    await Promise.all(slack.received.map((each) => slack.adapter.complete?.(each, forever)));
    const before = replies().length;
    slack.received.length = 0;
    await tell(slack, mention(CALLED, { channel: "C0NEW" }));
    expect((await atTurn(slack))?.content).toEqual({ kind: "text", text: "what does it say?" });
    expect(replies()).toHaveLength(before);
  });
});
