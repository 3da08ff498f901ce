import type { WecomApp } from "../../channels/wecom/types.ts";
import type { CloudApp } from "./wecom-envelope.ts";

/** The settings with which the gateway serves an application of the cloud. */
export const wecomAppOf = (app: CloudApp, settings: Partial<WecomApp> = {}): WecomApp => ({
  corp_id: app.corpId,
  agent_id: app.agentId,
  secret: app.secret,
  token: app.token,
  encoding_aes_key: app.encodingAesKey,
  webhook_path: "/api/wechat/callback",
  api_base_url: "http://127.0.0.1:9",
  replay_window_s: 300,
  previous: [],
  ...settings,
});
