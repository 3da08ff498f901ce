import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWecomAdapter } from "../../../channels/wecom/adapter.ts";
import { type Ask, createContacts } from "../../../channels/wecom/contacts.ts";
import type { ChannelAdapter, Identity, WebhookRequest } from "../../../core/contract/channel.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { recordedLog } from "../../fakes/log.ts";
import { wecomAppOf } from "../../fakes/wecom-app.ts";
import { startWecomCloud, type WecomCloud } from "../../fakes/wecom-cloud.ts";

let cloud: WecomCloud;
let state: ChannelState;
let log: ReturnType<typeof recordedLog>;
let adapter: ChannelAdapter;
let received: InboundMessage[];

beforeEach(async () => {
  cloud = await startWecomCloud();
  cloud.departments = [
    { id: 1, name: "Company", parentid: 0 },
    { id: 2, name: "法務部", parentid: 1 },
  ];
  cloud.people.set("zhangsan", { name: "張三", department: [2], status: 1 });
  state = memoryState();
  log = recordedLog();
  adapter = adapterOf();
  received = [];
  await adapter.start(async (message) => {
    received.push(message);
    return { isNew: true, inlineReply: async () => undefined };
  });
});

afterEach(() => cloud.close());

const adapterOf = (): ChannelAdapter =>
  createWecomAdapter({
    apps: [wecomAppOf(cloud.app, { api_base_url: cloud.apiBaseUrl })],
    ...{ log, state, now: () => new Date(), timeoutMs: 10_000 },
  });

const deliver = async (inner: string): Promise<number> => {
  const { query, body } = cloud.callback(inner);
  const request: WebhookRequest = {
    ...{ method: "POST", query, headers: {}, body: Buffer.from(body) },
    hungUp: new Promise(() => {}),
  };
  const response = await adapter.webhooks.get("/api/wechat/callback")?.(request);
  return response?.status ?? 0;
};

const messageOf = async (user: string): Promise<InboundMessage> => {
  await deliver(cloud.text(user, "hello"));
  const message = received.at(-1);
  if (!message) throw new Error("not received");
  return message;
};

const lookUp = async (user = "ZhangSan"): Promise<Identity | undefined> =>
  adapter.directory?.lookUp(await messageOf(user), new AbortController().signal);
const known = async (user = "ZhangSan"): Promise<Identity | undefined> =>
  adapter.directory?.known(await messageOf(user));

const contactChange = (fields: string): string =>
  `<xml><ToUserName>${cloud.app.corpId}</ToUserName><FromUserName>sys</FromUserName>` +
  "<CreateTime>1700000000</CreateTime><MsgType>event</MsgType><Event>change_contact</Event>" +
  `${fields}</xml>`;

const zhangsan = { isActive: true, displayName: "張三", departments: ["2", "法務部"] };

describe("the address book", () => {
  it("attack: getting into a department's tenant by naming another one like its id", async () => {
    cloud.departments = [{ id: 2, name: "7", parentid: 1 }];
    expect((await lookUp())?.departments).toEqual(["2"]);
  });

  it("knows a person's name and departments, by id and by name", async () => {
    expect(await lookUp()).toEqual(zhangsan);
    expect(cloud.userCalls).toEqual(["ZhangSan"]);
  });

  it("is asked once for a person, whatever the case of the id, by all processes on one store", async () => {
    expect(await known()).toBeUndefined();
    await lookUp();
    expect(await known("zhangsan")).toEqual(zhangsan);
    adapter = adapterOf();
    await adapter.start(async (message) => {
      received.push(message);
      return { isNew: true, inlineReply: async () => undefined };
    });
    expect(await lookUp("ZHANGSAN")).toEqual(zhangsan);
    expect(cloud.userCalls).toHaveLength(1);
  });

  it("is asked with a new token when the old one was withdrawn", async () => {
    await lookUp("nobody");
    cloud.withdrawToken();
    expect(await lookUp()).toEqual(zhangsan);
  });

  it.each([
    ["disabled", { status: 2 }],
    ["gone", { status: 5 }],
    ["of a status that we do not know", { status: 9 }],
    ["not enabled", { enable: 0 }],
    ["somebody else", { userid: "lisi" }],
  ])("refuses who is %s", async (_what, fields) => {
    cloud.people.set("zhangsan", { name: "張三", department: [2], ...fields });
    expect((await lookUp())?.isActive).toBe(false);
  });

  it("takes a person for active where an older installation says nothing about it", async () => {
    cloud.people.set("zhangsan", { name: "張三", department: [2] });
    expect((await lookUp())?.isActive).toBe(true);
  });

  it.each([60111, 60011, 40003])("refuses whom it does not show: errcode %i", async (errcode) => {
    cloud.failNext("user", { errcode });
    expect((await lookUp())?.isActive).toBe(false);
  });

  it("refuses people of linked corps, whom it does not hold, without asking", async () => {
    expect((await lookUp("wwother/zhangsan"))?.isActive).toBe(false);
    expect(cloud.userCalls).toEqual([]);
  });

  it("never takes a person of another corp for the one of ours who bears the same id", async () => {
    await lookUp();
    const message = { ...(await messageOf("zhangsan")), workspaceId: "wwother" };
    expect(await adapter.directory?.known(message)).toMatchObject({ isActive: false });
    const asked = await adapter.directory?.lookUp(message, new AbortController().signal);
    expect(asked).toMatchObject({ isActive: false, departments: [] });
  });

  it("is asked again when it is busy for a moment", async () => {
    cloud.failNext("user", { errcode: -1 }, { http: 502 });
    expect(await lookUp()).toEqual(zhangsan);
  });

  it("says nothing, and somebody is alarmed, when it cannot be asked", async () => {
    cloud.failNext("user", { errcode: 60020 });
    expect(await lookUp()).toBeUndefined();
    cloud.failNext("departments", { errcode: 48002 });
    expect(await lookUp()).toBeUndefined();
    const alarms = log.lines.filter(({ fields }) => fields.alert !== undefined);
    expect(alarms.map(({ fields }) => fields.reason)).toEqual([
      expect.stringMatching(/^user\/get: errcode 60020/),
      expect.stringMatching(/^department\/list: errcode 48002/),
    ]);
    expect(await lookUp()).toEqual(zhangsan);
  });
});

describe("a change of the address book", () => {
  it.each(["update_user", "delete_user", "create_user"])(
    "%s is heeded at once",
    async (changeType) => {
      await lookUp();
      cloud.people.delete("zhangsan");
      await deliver(
        contactChange(`<ChangeType>${changeType}</ChangeType><UserID>zhangsan</UserID>`),
      );
      expect(await known()).toBeUndefined();
      expect((await lookUp())?.isActive).toBe(false);
    },
  );

  it("of a user id is heeded for both ids", async () => {
    cloud.people.set("zhangsan001", { name: "張三", department: [1], status: 2 });
    expect((await lookUp("zhangsan001"))?.isActive).toBe(false);
    cloud.people.set("zhangsan001", { name: "張三", department: [1], status: 1 });
    await deliver(
      contactChange(
        "<ChangeType>update_user</ChangeType><UserID>zhangsan</UserID><NewUserID>zhangsan001</NewUserID>",
      ),
    );
    expect((await lookUp("zhangsan001"))?.departments).toEqual(["1", "Company"]);
  });

  it("of a department's name is heeded at once", async () => {
    await lookUp();
    cloud.departments = [{ id: 2, name: "Legal", parentid: 1 }];
    await deliver(contactChange("<ChangeType>update_party</ChangeType><Id>2</Id>"));
    expect((await lookUp())?.departments).toEqual(["2", "Legal"]);
  });

  it("is not undone by an answer that was under way when it came", async () => {
    const { corpId } = cloud.app;
    const contacts = createContacts({ corpId, state, log });
    const answers = [
      { userid: "zhangsan", name: "張三", department: [2], status: 1 },
      { userid: "zhangsan", name: "張三", department: [2], status: 5 },
    ];
    const ask: Ask = async () => {
      const body = answers.shift() ?? {};
      if (answers.length === 1) await contacts.revoke("zhangsan");
      return { kind: "answered", errcode: 0, hint: "", body };
    };
    const found = await contacts.lookUp("zhangsan", ask, new AbortController().signal);
    expect(found?.isActive).toBe(false);
    expect((await contacts.known("zhangsan"))?.isActive).toBe(false);
  });

  it("is asked for again when it cannot be heeded", async () => {
    state.put = () => Promise.reject(new Error("store away"));
    const change = "<ChangeType>delete_user</ChangeType><UserID>zhangsan</UserID>";
    expect(await deliver(contactChange(change))).toBe(503);
    expect(received).toEqual([]);
  });
});
