import { beforeEach, describe, expect, it } from "vitest";
import { createMembers } from "../../../channels/discord/members.ts";
import type { Rest, RestOutcome } from "../../../channels/discord/rest.ts";
import { discordTarget } from "../../../channels/discord/target.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";

const [ONE, TWO, ANN] = ["900000000000000001", "900000000000000002", "800000000000000001"];
const signal = new AbortController().signal;

let asked: string[];
let outcomes: Map<string, RestOutcome[]>;
let time: number;

const absent: RestOutcome = { kind: "failed", status: 404, code: 10007, reason: "HTTP 404" };
const memberOf = (...roles: string[]): RestOutcome => ({ kind: "ok", body: { roles } });

beforeEach(() => {
  asked = [];
  outcomes = new Map();
  time = 0;
});

const rest: Rest = {
  request: async (_method, route) => {
    asked.push(route);
    const [first, ...rest] = outcomes.get(route) ?? [];
    if (first && rest.length > 0) outcomes.set(route, rest);
    return first ?? absent;
  },
  fault: () => undefined,
  close: () => {},
};

const guilds = () => [ONE, TWO];
const newMembers = (settled: () => Promise<void> = async () => {}) =>
  createMembers({
    ...{ rest, boundGuilds: guilds, deferrals: { settled } },
    now: () => new Date(time),
  });
const say = (guildId: string, ...answers: RestOutcome[]) =>
  outcomes.set(`/guilds/${guildId}/members/${ANN}`, answers);

const message = (workspaceId = ""): InboundMessage => ({
  ...{ id: "1", channel: "discord", workspaceId, sentAt: new Date(0) },
  conversation: { id: "5", kind: "direct" },
  sender: { id: ANN, displayName: "", isBot: false, departments: [], roles: [] },
  content: { kind: "text", text: "hello" },
  target: discordTarget({ channelId: "5", replyTo: "1" }),
});

describe("the directory of a direct chat", () => {
  it("names the bound guilds that the author is in, with the roles there", async () => {
    const { directory } = newMembers();
    say(TWO, memberOf("7", "8"));
    expect(await directory.lookUp(message(), signal)).toMatchObject({
      isActive: true,
      memberships: [{ workspaceId: TWO, roles: ["7", "8"] }],
    });
  });

  it("is in none where nobody knows the author", async () => {
    const { directory } = newMembers();
    expect((await directory.lookUp(message(), signal))?.memberships).toEqual([]);
  });

  it.each<RestOutcome>([
    { kind: "lost", reason: "HTTP 500" },
    { kind: "unreachable", reason: "ECONNREFUSED" },
    { kind: "unauthorized" },
    { kind: "limited", afterMs: 60_000, isGlobal: true },
    { kind: "ok", body: "no member" },
  ])("says nothing while one guild cannot be asked: $kind", async (outcome) => {
    const { directory } = newMembers();
    say(ONE, memberOf());
    say(TWO, outcome);
    expect(await directory.lookUp(message(), signal)).toBeUndefined();
    expect(await directory.known(message())).toBeUndefined();
  });

  it("comes again when it is asked to wait for a moment", async () => {
    const { directory } = newMembers();
    say(ONE, { kind: "limited", afterMs: 1, isGlobal: false }, memberOf("7"));
    expect((await directory.lookUp(message(), signal))?.memberships).toEqual([
      { workspaceId: ONE, roles: ["7"] },
    ]);
  });

  it("asks again for roles, so that one that was taken away counts at once", async () => {
    const { directory } = newMembers();
    say(ONE, memberOf("7"), memberOf());
    expect((await directory.lookUp(message(), signal))?.memberships).toEqual([
      { workspaceId: ONE, roles: ["7"] },
    ]);
    expect(await directory.known(message())).toBeUndefined();
    expect((await directory.lookUp(message(), signal))?.memberships).toEqual([
      { workspaceId: ONE, roles: [] },
    ]);
    // Who is in the other one is remembered.
    expect(asked).toHaveLength(3);
  });

  it("remembers who has no role for ten seconds", async () => {
    const { directory } = newMembers();
    say(ONE, memberOf());
    await directory.lookUp(message(), signal);
    time = 9_999;
    expect((await directory.known(message()))?.memberships).toHaveLength(1);
    await directory.lookUp(message(), signal);
    expect(asked).toHaveLength(2);
    time = 10_000;
    expect(await directory.known(message())).toBeUndefined();
    say(ONE, absent);
    expect((await directory.lookUp(message(), signal))?.memberships).toEqual([]);
  });

  it.each<RestOutcome>([
    { kind: "lost", reason: "HTTP 500" },
    { kind: "limited", afterMs: 2_000, isGlobal: true },
  ])("holds for a minute to what it was told, where $kind is all it hears", async (outcome) => {
    const { directory } = newMembers();
    say(ONE, memberOf("7"), outcome);
    await directory.lookUp(message(), signal);
    time = 59_999;
    expect((await directory.lookUp(message(), signal))?.memberships).toEqual([
      { workspaceId: ONE, roles: ["7"] },
    ]);
  });

  it("asks nothing before a command in a direct chat is acknowledged", async () => {
    let acknowledge = () => {};
    const acknowledged = new Promise<void>((resolve) => {
      acknowledge = resolve;
    });
    const { directory } = newMembers(() => acknowledged);
    say(ONE, memberOf("7"));
    const found = directory.lookUp(message(), signal);
    await new Promise(setImmediate);
    expect(asked).toEqual([]);
    acknowledge();
    expect((await found)?.memberships).toHaveLength(1);
  });

  it("asks nobody in a guild, whose messages say it all", async () => {
    const { directory } = newMembers();
    expect(await directory.lookUp(message(ONE), signal)).toMatchObject({ isActive: true });
    expect(await directory.known(message(ONE))).toMatchObject({ isActive: true });
    expect(asked).toEqual([]);
  });
});
