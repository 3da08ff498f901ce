import { describe, expect, it } from "vitest";
import type { ApiOutcome } from "../../../channels/slack/api-outcome.ts";
import { createUsers } from "../../../channels/slack/users.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";

const said = (isShared = false, isExternal?: boolean): InboundMessage => {
  const message = textMessage("m1");
  return {
    ...message,
    ...{ channel: "slack", workspaceId: "T0TEAM" },
    conversation: { id: "C0ROOM", kind: "group", isShared },
    sender: {
      ...{ id: "U0ANN", displayName: "", isBot: false, departments: [], roles: [] },
      ...(isExternal !== undefined && { isExternal }),
    },
  };
};

const user = (more: object): ApiOutcome => ({
  kind: "ok",
  body: { ok: true, user: { id: "U0ANN", team_id: "T0TEAM", ...more } },
});

const open = (answers: readonly ApiOutcome[], isInstalled = true) => {
  const log = recordedLog();
  let asked = 0;
  let now = 0;
  const users = createUsers({
    api: {
      call: async () =>
        answers[Math.min(asked++, answers.length - 1)] ?? { kind: "lost", reason: "" },
    },
    workspaces: { tokenFor: async () => (isInstalled ? "xoxb-1" : undefined), refused: () => {} },
    now: () => new Date(now),
    log,
  });
  const lookUp = (message: InboundMessage) => users.lookUp(message, AbortSignal.timeout(5_000));
  const pass = (ms: number): void => {
    now += ms;
  };
  return { users, lookUp, log, asked: () => asked, pass };
};

describe("who somebody is", () => {
  it("is asked only where the message does not say it, and only once in ten minutes", async () => {
    const { users, lookUp, asked, pass } = open([user({ real_name: "Ann" })]);
    expect(users.isNeeded?.(said(false, false))).toBe(false);
    expect(users.isNeeded?.(said(false, true))).toBe(false);
    expect(users.isNeeded?.(said())).toBe(true);
    const [identity] = await Promise.all([lookUp(said()), lookUp(said())]);
    expect(identity).toEqual({
      ...{ isActive: true, displayName: "Ann", departments: [], isExternal: false, isBot: false },
    });
    await lookUp(said());
    expect(asked()).toBe(1);
    expect(await users.known(said())).toEqual(identity);
    pass(11 * 60_000);
    expect(await users.known(said())).toBeUndefined();
  });

  it.each([
    ["a stranger", { is_stranger: true }, { isExternal: true }],
    ["somebody of another workspace", { team_id: "T0ELSE" }, { isExternal: true }],
    [
      "a member whose home is a sister workspace",
      { team_id: "T0SISTER", enterprise_user: { teams: ["T0SISTER", "T0TEAM"] } },
      { isExternal: false },
    ],
    ["a program", { is_bot: true }, { isBot: true }],
    ["a workflow", { is_workflow_bot: true }, { isBot: true }],
    ["who has left", { deleted: true }, { isActive: false }],
  ])("is told of %s", async (_, more, expected) => {
    expect(await open([user(more)]).lookUp(said())).toMatchObject(expected);
  });

  it("that Slack cannot say is a stranger where strangers can be, and one of us elsewhere", async () => {
    const failures: readonly ApiOutcome[] = [
      { kind: "error", error: "missing_scope", body: {} },
      { kind: "error", error: "user_not_found", body: {} },
    ];
    for (const failure of failures) {
      expect(await open([failure]).lookUp(said(true))).toMatchObject({ isExternal: true });
      expect(await open([failure]).lookUp(said(false))).toMatchObject({ isExternal: false });
    }
    expect(await open([], false).lookUp(said(true))).toMatchObject({ isExternal: true });
  });

  it("is asked again in a shared room while Slack is away, and no answer waits for it elsewhere", async () => {
    const away: ApiOutcome = { kind: "lost", reason: "HTTP 500" };
    const shared = open([away, user({})]);
    expect(await shared.lookUp(said(true))).toMatchObject({ isExternal: false });
    expect(shared.asked()).toBe(2);
    const ours = open([away, user({})]);
    expect(await ours.lookUp(said(false))).toMatchObject({ isExternal: false });
    expect(ours.asked()).toBe(1);
  });

  it("rate limit storm: asks for nobody of a workspace until Slack's time is over", async () => {
    const limited: ApiOutcome = { kind: "limited", afterMs: 60_000 };
    const { users, asked, pass } = open([limited, user({})]);
    // Nobody waits: each is decided by what is known by then.
    const decided = AbortSignal.abort();
    for (let n = 0; n < 50; n++) {
      const message = said(true);
      const eve = { ...message, sender: { ...message.sender, id: `U0EVE${n}` } };
      expect(await users.lookUp(eve, decided)).toMatchObject({ isExternal: true });
    }
    expect(asked()).toBe(1);
    pass(61_000);
    expect(await users.lookUp(said(true), AbortSignal.timeout(5_000))).toMatchObject({
      isExternal: false,
    });
  });
});
