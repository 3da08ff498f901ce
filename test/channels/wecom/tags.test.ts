import { describe, expect, it } from "vitest";
import type { ApiResult } from "../../../channels/wecom/api.ts";
import { createDirectory } from "../../../channels/wecom/directory.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";

const ok = (body: object): ApiResult => ({
  kind: "answered",
  errcode: 0,
  hint: "",
  body: { errcode: 0, ...body },
});

const open = (answers: Readonly<Record<string, () => ApiResult>>) => {
  const log = recordedLog();
  const asked: string[] = [];
  let now = 0;
  const directory = createDirectory({
    corpIds: ["corp"],
    clientOf: () => ({
      ask: async (path, query) => {
        const call = `${path} ${Object.values(query).join()}`.trim();
        asked.push(call);
        return answers[call]?.() ?? { kind: "answered", errcode: 40068, hint: "", body: {} };
      },
    }),
    ...{ state: memoryState(), log, now: () => new Date(now) },
  });
  const tagsOf = async (user: string, wanted: readonly string[], workspaceId = "corp") => {
    const message = textMessage("m1");
    return directory.groupsOf?.(
      {
        ...message,
        ...{ channel: "wechat_work", workspaceId },
        sender: { ...message.sender, id: user.toLowerCase() },
        target: { ...message.target, workspaceId: "corp", address: user },
      },
      wanted,
      AbortSignal.timeout(5_000),
    );
  };
  const pass = (ms: number): void => {
    now += ms;
  };
  return { tagsOf, asked, log, pass };
};

describe("tags", () => {
  it("are had by a person, or by everybody of a department, whatever the case of the id", async () => {
    const { tagsOf, asked } = open({
      "/cgi-bin/tag/get 7": () =>
        ok({ userlist: [{ userid: "ZhangSan", name: "張三" }], partylist: [] }),
      "/cgi-bin/tag/get 8": () => ok({ userlist: [], partylist: [2] }),
      "/cgi-bin/user/get zhangsan": () => ok({ userid: "zhangsan", name: "張三", department: [2] }),
      "/cgi-bin/user/get lisi": () => ok({ userid: "lisi", name: "李四", department: [3] }),
    });
    expect(await tagsOf("zhangsan", ["7", "8"])).toEqual(["7", "8"]);
    expect(await tagsOf("lisi", ["7", "8"])).toEqual([]);
    expect(asked.filter((call) => call.includes("/tag/"))).toHaveLength(2);
  });

  it("are asked for again after a minute, so that who lost one has its roles no longer", async () => {
    let userlist = [{ userid: "lisi" }];
    const { tagsOf, pass } = open({ "/cgi-bin/tag/get 7": () => ok({ userlist, partylist: [] }) });
    expect(await tagsOf("lisi", ["7"])).toEqual(["7"]);
    userlist = [];
    expect(await tagsOf("lisi", ["7"])).toEqual(["7"]);
    pass(60_000);
    expect(await tagsOf("lisi", ["7"])).toEqual([]);
  });

  it("are had by nobody when WeCom cannot be asked, or does not know them, which is said", async () => {
    const { tagsOf, log } = open({
      "/cgi-bin/tag/get 8": () => ({ kind: "unreachable", reason: "refused" }),
      "/cgi-bin/tag/get 9": () => ok({ userlist: [{ userid: "lisi" }] }),
    });
    expect(await tagsOf("lisi", ["7", "8", "9"])).toEqual(["9"]);
    expect(log.lines).toMatchObject([{ fields: { tagId: "7" } }, { fields: { tagId: "8" } }]);
  });

  it("attack: somebody of a linked corp with a member's id has none", async () => {
    const { tagsOf, asked } = open({
      "/cgi-bin/tag/get 7": () => ok({ userlist: [{ userid: "lisi" }] }),
    });
    expect(await tagsOf("lisi", ["7"], "linked-corp")).toEqual([]);
    expect(asked).toEqual([]);
  });
});
