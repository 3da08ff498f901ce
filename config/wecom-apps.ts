import type { Settings } from "./schema.ts";

/** One self-built WeCom app with everything that its callback needs; keys as in the settings. */
export interface WecomAppSettings {
  readonly corp_id: string;
  readonly agent_id: string;
  readonly secret: string;
  readonly token: string;
  readonly encoding_aes_key: string;
  readonly webhook_path: string;
  readonly api_base_url: string;
  readonly replay_window_s: number;
  readonly previous: readonly { readonly token: string; readonly encoding_aes_key: string }[];
}

/** The apps that are switched on: the block's own one first, then `apps`. Empty when it is off. */
export const wecomApps = (settings: Settings): readonly WecomAppSettings[] => {
  const block = settings.channels.wechat_work;
  if (!block?.enabled) return [];
  const { api_base_url, replay_window_s } = block;
  const { corp_id, agent_id, secret, token, encoding_aes_key, webhook_path, previous } = block;
  const further = block.apps.map((app) => ({ ...app, api_base_url, replay_window_s }));
  // The loader has seen to it that these five come together.
  const isComplete =
    corp_id !== undefined &&
    agent_id !== undefined &&
    secret !== undefined &&
    token !== undefined &&
    encoding_aes_key !== undefined;
  if (!isComplete) return further;
  const own = { corp_id, agent_id, secret, token, encoding_aes_key, webhook_path, previous };
  return [{ ...own, api_base_url, replay_window_s }, ...further];
};

/** One intelligent bot with a long connection; keys as in the settings. */
export interface WecomLinkedBotSettings {
  readonly bot_id: string;
  readonly secret: string;
  readonly ws_url: string;
  readonly corp_id: string;
  readonly name?: string;
  readonly api_base_url: string;
  readonly file_hosts: readonly string[];
}

/** https://developer.work.weixin.qq.com/document/path/101463 */
const WS_URL = "wss://openws.work.weixin.qq.com";

/** The bots with a long connection that are switched on. Empty when the block is off. */
export const wecomLinkedBots = (settings: Settings): readonly WecomLinkedBotSettings[] => {
  const block = settings.channels.wechat_work;
  if (!block?.enabled) return [];
  const { api_base_url, file_hosts } = block;
  return block.bots.flatMap(({ bot_id, secret, ws_url = WS_URL, name, corp_id }) => {
    // The schema has seen to it that these two come together.
    if (bot_id === undefined || secret === undefined) return [];
    const called = name === undefined ? {} : { name };
    const corp = corp_id ?? block.corp_id ?? bot_id;
    return [{ bot_id, secret, ws_url, corp_id: corp, ...called, api_base_url, file_hosts }];
  });
};

/** One intelligent bot with a webhook, with everything that its callback needs; keys as in the settings. */
export interface WecomBotSettings {
  readonly id: string;
  readonly corp_id: string;
  readonly name?: string;
  readonly token: string;
  readonly encoding_aes_key: string;
  readonly webhook_path: string;
  readonly api_base_url: string;
  readonly file_hosts: readonly string[];
  readonly replay_window_s: number;
  readonly previous: readonly { readonly token: string; readonly encoding_aes_key: string }[];
}

/** The bots with a webhook that are switched on. Empty when the block is off. */
export const wecomBots = (settings: Settings): readonly WecomBotSettings[] => {
  const block = settings.channels.wechat_work;
  if (!block?.enabled) return [];
  const { api_base_url, file_hosts, replay_window_s } = block;
  return block.bots.flatMap((bot) => {
    const { id, token, encoding_aes_key, previous, name } = bot;
    // The schema has seen to it that these three come together.
    if (id === undefined || token === undefined || encoding_aes_key === undefined) return [];
    const webhook_path = bot.webhook_path ?? `/api/wechat/bots/${id}`;
    const corp_id = bot.corp_id ?? block.corp_id ?? id;
    const callback = { token, encoding_aes_key, webhook_path, previous, replay_window_s };
    return [
      { id, corp_id, ...(name !== undefined && { name }), ...callback, api_base_url, file_hosts },
    ];
  });
};
