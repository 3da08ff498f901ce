import type { WecomBot } from "../../channels/wecom/types.ts";
import type { CloudBot } from "./wecom-bot-envelope.ts";

/** The settings with which the gateway serves a bot of the cloud. */
export const wecomBotOf = (bot: CloudBot, settings: Partial<WecomBot> = {}): WecomBot => ({
  id: bot.id,
  corp_id: "wwexample000000001",
  token: bot.token,
  encoding_aes_key: bot.encodingAesKey,
  webhook_path: "/api/wechat/bot",
  api_base_url: "http://127.0.0.1:9",
  file_hosts: [],
  replay_window_s: 300,
  previous: [],
  ...settings,
});
