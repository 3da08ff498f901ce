import type { DemoSecrets } from "./demo-secrets.ts";
import type { SettingsInput } from "./schema.ts";

const CORP = "wwdemo0000000001";
const AGENT = "1000002";

/**
 * The settings of a checkout without settings.json: loopback only, no keys, no network. Everyone is
 * in tenant `sales`; the user `guest` is in tenant `reception`, which may use one skill less, so
 * that a refusal can be seen. `simulate` listens where the API of WeCom is said to be.
 */
export const demoSettings = ({
  token,
  encoding_aes_key,
  app_secret,
}: DemoSecrets): SettingsInput => ({
  server: { host: "127.0.0.1", port: 18789 },
  storage: { url: "file:./data" },
  channels: {
    wechat_work: {
      enabled: true,
      corp_id: CORP,
      agent_id: AGENT,
      secret: app_secret,
      token,
      encoding_aes_key,
      webhook_path: "/api/wechat/callback",
      api_base_url: "http://127.0.0.1:18790",
    },
  },
  multi_tenant: {
    enabled: true,
    tenants: [
      {
        id: "sales",
        name: "Sales",
        allowed_skills: ["calculator", "csv-summary"],
        llm_config: { provider: "rules" },
        bindings: [{ channel: "wechat_work", workspace: CORP }],
      },
      {
        id: "reception",
        name: "Reception",
        allowed_skills: ["csv-summary"],
        llm_config: { provider: "rules" },
        bindings: [{ channel: "wechat_work", workspace: CORP, conversation: `${AGENT}/guest` }],
      },
    ],
  },
  openshell: {
    isolation: "auto",
    filesystem: { max_size_gb: 0.0625 },
    network: { mode: "off" },
    execution: { max_cpu_seconds: 10, max_memory_mb: 256 },
  },
});
