import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayProcess, gatewayProcess } from "../fakes/gateway-process.ts";
import { type OpenAiServer, startOpenAiServer } from "../fakes/openai-server.ts";
import { startWecomCloud, type WecomCloud } from "../fakes/wecom-cloud.ts";

let cloud: WecomCloud;
let main: OpenAiServer;
let second: OpenAiServer;
let gateway: GatewayProcess;

beforeAll(async () => {
  [cloud, main, second] = await Promise.all([
    startWecomCloud(),
    startOpenAiServer(),
    startOpenAiServer(),
  ]);
  const { app } = cloud;
  const to = (...users: readonly string[]) =>
    users.map((user) => ({
      ...{ channel: "wechat_work", workspace: app.corpId },
      conversation: `${app.agentId}/${user}`,
    }));
  const llm_config = {
    ...{ provider: "main", model: "m", max_tokens_per_request: 100 },
    fallback: [{ provider: "second", model: "s" }],
  };
  const price = { currency: "USD", valid_from: "2020-01-01" };
  gateway = gatewayProcess({
    channels: {
      wechat_work: {
        ...{ corp_id: app.corpId, agent_id: app.agentId, secret: app.secret, token: app.token },
        ...{ encoding_aes_key: app.encodingAesKey, api_base_url: cloud.apiBaseUrl },
        webhook_path: "/api/wechat/callback",
      },
    },
    multi_tenant: {
      tenants: [
        {
          ...{ id: "sales", bindings: to("wei", "mei"), llm_config },
          max_api_budget_monthly_usd: 0.5,
          agents: [
            { name: "first", instructions: "You are the first." },
            { name: "writer", instructions: "You write poems.", model: "poet" },
          ],
        },
        {
          ...{ id: "poor", bindings: to("poor"), llm_config, max_api_budget_monthly_usd: 0.001 },
          // Nobody's tenant has a binding for the boss.
          contacts: [`wechat_work:${app.corpId}:Boss`],
        },
        {
          ...{ id: "dear", bindings: to("dear"), max_api_budget_monthly_usd: 100 },
          llm_config: { provider: "main", model: "nobody-knows" },
        },
        {
          ...{ id: "quick", bindings: to("quick"), llm_config: { provider: "echo" } },
          rate_limits: { user_per_minute: 1 },
        },
      ],
    },
    models: {
      providers: {
        main: { kind: "vllm", base_url: main.baseUrl },
        second: { kind: "vllm", base_url: second.baseUrl },
      },
      prices: [
        ...[
          { provider: "main", model: "m" },
          { provider: "main", model: "poet" },
          { provider: "second", model: "s" },
        ].map((model) => ({ ...price, ...model, input_per_million: 1, output_per_million: 2 })),
      ],
    },
  });
  await gateway.start();
});
afterAll(async () => {
  await gateway.remove();
  await Promise.all([cloud.close(), main.close(), second.close()]);
});

const say = (user: string, text: string) =>
  cloud.attempt(`${gateway.url}/api/wechat/callback`, cloud.callback(cloud.text(user, text)));
const answers = async (user: string, count: number) =>
  (await cloud.waitForSeen(user, count)).map(({ text }) => text);
const calls = (tenant: string) =>
  gateway
    .audit()
    .filter(({ action, tenant_id }) => action === "model.call" && tenant_id === tenant)
    .map(({ subject, decision, code }) => `${subject} ${decision} ${code}`);

describe("the built gateway", () => {
  it("answers within the budget, puts the call on record, and moves on when a model is away", async () => {
    main.script({ kind: "json", status: 503, body: {} });
    await say("wei", "hello");
    expect(await answers("wei", 1)).toEqual(["ok"]);
    expect([main.requests.length, second.requests.length]).toEqual([1, 1]);
    expect(second.requests[0]?.body.max_tokens).toBe(100);
    expect(calls("sales")).toEqual(["main/m failed MODEL_UNAVAILABLE", "second/s allowed OK"]);
  });

  it("hands a text to the agent that it names", async () => {
    await say("mei", "＠writer 寫一首詩");
    expect(await answers("mei", 1)).toEqual(["ok"]);
    const { body } = main.requests.at(-1) ?? {};
    expect(body).toMatchObject({
      model: "poet",
      messages: [{ role: "system" }, { content: "寫一首詩" }],
    });
    expect(JSON.stringify(body)).toContain("You write poems.");
  });

  it("asks no model for what does not fit, which a contact is told, or whose price nobody knows", async () => {
    const before = main.requests.length;
    await say("poor", "hello");
    expect((await answers("poor", 1))[0]).toMatch(/\[BUDGET_EXCEEDED\]$/);
    await say("dear", "hello");
    expect((await answers("dear", 1))[0]).toMatch(/\[PRICE_UNKNOWN\]$/);
    expect(await answers("Boss", 1)).toEqual([
      expect.stringMatching(/^The budget of poor for \d{4}-\d\d is used up: 0\.00 of 0\.001 US/),
    ]);
    expect(main.requests).toHaveLength(before);
    expect(gateway.audit().map(({ action, code }) => `${action} ${code}`)).toEqual(
      expect.arrayContaining([
        "budget.alert BUDGET_EXCEEDED",
        "model.call BUDGET_EXCEEDED",
        "model.call PRICE_UNKNOWN",
        "message PRICE_UNKNOWN",
      ]),
    );
  });

  it("tells who writes too fast once", async () => {
    await say("quick", "one");
    expect(await answers("quick", 1)).toEqual(["one"]);
    await say("quick", "two");
    expect((await answers("quick", 2))[1]).toMatch(/\[RATE_LIMITED\]$/);
    await say("quick", "three");
    await say("quick", "/stop");
    const [, , third] = await answers("quick", 3);
    expect(third).toMatch(/nothing is running/i);
  });
});
