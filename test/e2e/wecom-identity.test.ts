import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayProcess, gatewayProcess } from "../fakes/gateway-process.ts";
import { startWecomCloud, type WecomCloud } from "../fakes/wecom-cloud.ts";

const CALLBACK = "/api/wechat/callback";

let cloud: WecomCloud;
let gateway: GatewayProcess;

beforeAll(async () => {
  cloud = await startWecomCloud();
  cloud.departments = [
    { id: 1, name: "Company", parentid: 0 },
    { id: 2, name: "法務部", parentid: 1 },
  ];
  cloud.people.set("wei", { name: "王偉", department: [2], status: 1 });
  cloud.people.set("ann", { name: "Ann", department: [1], status: 1 });
  cloud.people.set("gone", { name: "Gone", department: [2], status: 5 });
  cloud.people.set("late", { name: "Late", department: [2], status: 1 });
  cloud.people.set("moved", { name: "Moved", department: [2], status: 1 });
  const { app } = cloud;
  const bound = (more: object = {}) => [{ channel: "wechat_work", workspace: app.corpId, ...more }];
  const tenant = (id: string, name: string, bindings: object[]) => ({
    ...{ id, name, bindings, locale: "en" },
    llm_config: { provider: "echo" },
  });
  gateway = gatewayProcess({
    channels: {
      wechat_work: {
        ...{ corp_id: app.corpId, agent_id: app.agentId, secret: app.secret, token: app.token },
        ...{ encoding_aes_key: app.encodingAesKey, webhook_path: CALLBACK },
        api_base_url: cloud.apiBaseUrl,
      },
    },
    multi_tenant: {
      tenants: [
        tenant("legal", "Legal", bound({ department: "法務部" })),
        tenant("everybody", "Everybody", bound()),
        tenant("partner", "Partner", [{ channel: "wechat_work", workspace: "wwpartner" }]),
      ],
    },
  });
  await gateway.start();
});

afterAll(async () => {
  await gateway?.remove();
  await cloud?.close();
});

const event = (user: string, name: string, fields = ""): string =>
  `<xml><ToUserName>${cloud.app.corpId}</ToUserName><FromUserName>${user}</FromUserName>` +
  `<CreateTime>${Math.floor(Date.now() / 1000)}</CreateTime><MsgType>event</MsgType>` +
  `<Event>${name}</Event>${fields}</xml>`;

/** What the person sees next after the callback. */
const answerTo = async (user: string, inner: string): Promise<string | undefined> => {
  const before = cloud.seen(user).length;
  await cloud.deliver(gateway.url + CALLBACK, inner);
  return (await cloud.waitForSeen(user, before + 1, 20_000)).at(-1)?.text;
};
const say = (user: string, text: string) => answerTo(user, cloud.text(user, text));
const tenantsOf = (user: string) =>
  new Set(
    gateway
      .audit()
      .filter((record) => record.sender_id === user)
      .map((record) => record.tenant_id),
  );

describe("who somebody is", () => {
  it("decides the tenant: by department, else by the corp", async () => {
    expect(await say("Wei", "hello")).toBe("hello");
    expect(await say("ann", "hello")).toBe("hello");
    expect([...tenantsOf("wei")]).toEqual(["legal"]);
    expect([...tenantsOf("ann")]).toEqual(["everybody"]);
  });

  it("is asked for once, not with every message", async () => {
    await say("wei", "again");
    expect(cloud.userCalls.filter((user) => user.toLowerCase() === "wei")).toHaveLength(1);
  });

  it("refuses who has left, and whom the address book does not show", async () => {
    expect(await say("gone", "hello")).toContain("[TENANT_UNKNOWN]");
    expect(await say("stranger", "hello")).toContain("[TENANT_UNKNOWN]");
  });

  it("refuses, but loses nothing, while the address book is away", async () => {
    cloud.failNext("user", { http: 502 }, { http: 502 }, { http: 502 });
    expect(await say("late", "hello")).toContain("[DIRECTORY_UNAVAILABLE]");
    expect(await say("late", "hello")).toBe("hello");
  });

  it("is forgotten at once when the address book changes", async () => {
    expect(await say("moved", "hello")).toBe("hello");
    cloud.people.set("moved", { name: "Moved", department: [2], status: 2 });
    const change = "<ChangeType>update_user</ChangeType><UserID>moved</UserID>";
    await cloud.deliver(gateway.url + CALLBACK, event("sys", "change_contact", change));
    expect(await say("moved", "hello")).toContain("[TENANT_UNKNOWN]");
  });

  it("lets people of a linked corp in where a binding names it, into that tenant and no other", async () => {
    expect(await say("wwpartner/Wei", "hello")).toBe("hello");
    expect([...tenantsOf("wwpartner/wei")]).toEqual(["partner"]);
  });

  it("says nothing to people of a linked corp that nobody bound", async () => {
    expect(await say("wwother/li", "hello")).toContain("[TENANT_UNKNOWN]");
  });
});

describe("a welcome", () => {
  it("comes in the callback's response, once a day, for the person's own tenant", async () => {
    expect(await answerTo("wei", event("wei", "enter_agent"))).toMatch(
      /^Hello, I am the assistant of Legal\./,
    );
    expect(cloud.seen("wei").at(-1)?.via).toBe("passive");
    const seen = cloud.seen("wei").length;
    await cloud.deliver(
      gateway.url + CALLBACK,
      event("wei", "enter_agent", "<EventKey>2</EventKey>"),
    );
    expect(await say("wei", "and now?")).toBe("and now?");
    expect(cloud.seen("wei")).toHaveLength(seen + 1);
  });

  it("is never said to who would be refused", async () => {
    const seen = cloud.seen("gone").length;
    await cloud.deliver(gateway.url + CALLBACK, event("gone", "enter_agent"));
    expect(await say("gone", "hello")).toContain("[TENANT_UNKNOWN]");
    expect(cloud.seen("gone")).toHaveLength(seen + 1);
  });
});
