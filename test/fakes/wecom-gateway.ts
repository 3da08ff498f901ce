import { join } from "node:path";
import { type TestContext, vi } from "vitest";
import { type GatewayProcess, gatewayProcess } from "./gateway-process.ts";
import { type OpenAiServer, startOpenAiServer } from "./openai-server.ts";
import { wecomAppOf } from "./wecom-app.ts";
import { startWecomCloud, type WecomCloud, type WecomCloudOptions } from "./wecom-cloud.ts";

const CALLBACK = "/api/wechat/callback";
const bundled = join(import.meta.dirname, "..", "..", "skills", "bundled");
const hostile = join(import.meta.dirname, "..", "fixtures", "hostile-skills");

export interface WecomGatewayOptions extends WecomCloudOptions {
  /** Settings of the same names. */
  readonly openshell?: object;
  readonly storage?: object;
  readonly queue?: object;
  readonly moderation?: object;
  /** More of tenant `staff`. */
  readonly staff?: object;
}

export interface WecomGateway {
  readonly cloud: WecomCloud;
  readonly model: OpenAiServer;
  readonly gateway: GatewayProcess;
  /** Where the cloud delivers; changes with the port at every start. */
  readonly callbackUrl: string;
  /** Skips a test, with the reason, where no sandbox can be had; in CI that is a failure. */
  needSandbox(context: TestContext): Promise<void>;
  close(): Promise<void>;
}

/**
 * The built gateway between a stand-in of the WeCom cloud and one of a model server. Everyone is in
 * tenant `staff`, which asks the model; `echo` and `rules` are in tenants named after their
 * provider, `clerk` in one that may use no skill but csv-summary, and `nobody@…` in none.
 */
export const startWecomGateway = async (
  options: WecomGatewayOptions = {},
): Promise<WecomGateway> => {
  const { openshell, storage, queue, moderation, staff, ...cloudOptions } = options;
  const [cloud, model] = await Promise.all([startWecomCloud(cloudOptions), startOpenAiServer()]);
  const { app } = cloud;
  const bound = (user: string) => [
    { channel: "wechat_work", workspace: app.corpId, conversation: `${app.agentId}/${user}` },
  ];
  const asking = (provider: string) => ({ llm_config: { provider } });
  const staffModel = { llm_config: { provider: "stand-in", model: "m" } };
  const gateway = gatewayProcess({
    ...(storage && { storage }),
    ...(queue && { queue }),
    ...(moderation && { moderation }),
    channels: {
      wechat_work: wecomAppOf(app, { webhook_path: CALLBACK, api_base_url: cloud.apiBaseUrl }),
    },
    multi_tenant: {
      tenants: [
        {
          id: "staff",
          allowed_skills: ["*"],
          blocked_skills: ["csv-summary"],
          bindings: ["wei", "long", "slow", "ann"].flatMap(bound),
          ...staffModel,
          ...staff,
        },
        { id: "echo", bindings: bound("echo"), ...asking("echo") },
        { id: "rules", allowed_skills: ["*"], bindings: bound("rules"), ...asking("rules") },
        { id: "clerk", allowed_skills: ["csv-summary"], bindings: bound("clerk"), ...staffModel },
      ],
    },
    models: { providers: { "stand-in": { kind: "vllm", base_url: model.baseUrl } } },
    skills: { folders: [bundled, hostile] },
    openshell: {
      isolation: "gvisor",
      filesystem: { max_size_gb: 0.0625 },
      execution: { max_cpu_seconds: 10, max_memory_mb: 256 },
      ...openshell,
    },
  });
  await gateway.start();
  return {
    cloud,
    model,
    gateway,
    get callbackUrl() {
      return `${gateway.url}${CALLBACK}`;
    },
    needSandbox: async (context) => {
      const sandbox = await sandboxCheck(gateway.url);
      if (sandbox.ok) return;
      if (process.env.CI === "true") throw new Error(`no sandbox: ${sandbox.reason}`);
      context.skip(`no sandbox: ${sandbox.reason}`);
    },
    close: async () => {
      await gateway.remove();
      await Promise.all([cloud.close(), model.close()]);
    },
  };
};

/** What the gateway says of its sandbox once the self-test is over. */
const sandboxCheck = (url: string): Promise<{ readonly ok: boolean; readonly reason?: string }> =>
  vi.waitFor(
    async () => {
      const health = (await (await fetch(`${url}/api/health`)).json()) as {
        checks: { sandbox: { ok: boolean; reason?: string } };
      };
      const { sandbox } = health.checks;
      if (sandbox.reason === "self-test is still running") throw new Error(sandbox.reason);
      return sandbox;
    },
    { timeout: 60_000, interval: 50 },
  );
