/** The adapter's name, and the key under `channels` in the settings. */
export const CHANNEL = "wechat_work";

/** What the operator configured for one self-built application; names as in the settings. */
export interface WecomApp extends CallbackKeys {
  readonly corp_id: string;
  /** Decimal digits. */
  readonly agent_id: string;
  readonly secret: string;
  readonly webhook_path: string;
  /** Without a trailing path of the API, e.g. `https://qyapi.weixin.qq.com`. */
  readonly api_base_url: string;
}

/** What a callback of an application or a bot is verified with. */
export interface CallbackKeys extends KeyPair {
  readonly replay_window_s: number;
  /** Still accepted while the administration console is being switched to the current pair. */
  readonly previous: readonly KeyPair[];
}

/** What the operator configured for one intelligent bot with a webhook; names as in the settings. */
export interface WecomBot extends CallbackKeys {
  /** The `aibotid` of its callbacks. */
  readonly id: string;
  /** Where its users are. */
  readonly corp_id: string;
  /** How it is mentioned in groups, without `@`. */
  readonly name?: string;
  readonly webhook_path: string;
  /** Answers that come late go to this host and no other. */
  readonly api_base_url: string;
  /** Where else files may lie: `host` or `*.host`, as a parser of URLs writes them. */
  readonly file_hosts: readonly string[];
}

/**
 * The two callback secrets that belong together.
 * @see https://developer.work.weixin.qq.com/document/path/90930
 */
export interface KeyPair {
  readonly token: string;
  readonly encoding_aes_key: string;
}

// Linked corporations prefix the user with their own corp id: `corpid/userid`.
const USER_ID = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}(?:\/[A-Za-z0-9][A-Za-z0-9_.@-]{0,63})?$/;

/** True for one person's id; never for `@all` or a `a|b` list, which address many. */
export const isUserId = (value: string): boolean => USER_ID.test(value);
