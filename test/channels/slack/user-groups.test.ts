import { describe, expect, it } from "vitest";
import type { ApiOutcome } from "../../../channels/slack/api-outcome.ts";
import { createUserGroups } from "../../../channels/slack/user-groups.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";

const told = (users: unknown): ApiOutcome => ({
  kind: "ok",
  body: { ok: true, usergroups: [{ id: "S1", users }, { id: "S2", users: ["U0BOB"] }, { id: 3 }] },
});

const open = (answers: readonly ApiOutcome[]) => {
  const log = recordedLog();
  const calls: unknown[] = [];
  let now = 0;
  const groupsOf = createUserGroups({
    api: {
      call: async (token, method, args) => {
        const answer = answers[Math.min(calls.length, answers.length - 1)];
        calls.push([token, method, args]);
        return answer ?? { kind: "lost", reason: "" };
      },
    },
    workspaces: { tokenFor: async () => "xoxb-1", refused: () => {} },
    now: () => new Date(now),
    log,
  });
  const ask = (userId = "U0ANN", isExternal = false, workspaceId = "T1") => {
    const message = textMessage("m1");
    const sender = { ...message.sender, id: userId, isExternal };
    return groupsOf({ ...message, workspaceId, sender }, ["S1", "S2"], AbortSignal.timeout(5_000));
  };
  const pass = (ms: number): void => {
    now += ms;
  };
  return { ask, calls, log, pass };
};

describe("user groups", () => {
  it("are asked for once a minute and workspace, for all people and groups of it", async () => {
    const { ask, calls, pass } = open([told(["U0ANN"])]);
    expect(await Promise.all([ask(), ask("U0BOB"), ask("U0EVE")])).toEqual([["S1"], ["S2"], []]);
    expect(calls).toEqual([["xoxb-1", "usergroups.list", { include_users: true, team_id: "T1" }]]);
    await ask("U0ANN", false, "T2");
    expect(calls).toHaveLength(2);
    pass(60_000);
    await ask();
    expect(calls).toHaveLength(3);
  });

  it("lose who is taken out of them within a minute", async () => {
    const { ask, pass } = open([told(["U0ANN"]), told([])]);
    expect(await ask()).toEqual(["S1"]);
    pass(60_000);
    expect(await ask()).toEqual([]);
  });

  it("have nobody while Slack cannot be asked, which is said and asked again soon", async () => {
    const refusal: ApiOutcome = { kind: "error", error: "missing_scope", body: {} };
    const { ask, calls, log, pass } = open([refusal, told(["U0ANN"])]);
    expect(await ask()).toEqual([]);
    expect(log.lines).toMatchObject([{ fields: { reason: "missing_scope", teamId: "T1" } }]);
    await ask();
    expect(calls).toHaveLength(1);
    pass(15_000);
    expect(await ask()).toEqual(["S1"]);
  });

  it("attack: a stranger with a member's id is in none", async () => {
    const { ask, calls } = open([told(["U0ANN"])]);
    expect(await ask("U0ANN", true)).toEqual([]);
    expect(calls).toEqual([]);
  });

  it("attack: an answer of another shape gives nobody a group", async () => {
    for (const users of [undefined, null, "U0ANN", { U0ANN: true }, [{ id: "U0ANN" }]]) {
      expect(await open([told(users)]).ask()).toEqual([]);
    }
  });
});
