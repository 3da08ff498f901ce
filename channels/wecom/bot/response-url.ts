import type { Log } from "../../../core/contract/log.ts";
import type { ChannelMetrics } from "../../../core/contract/metrics.ts";
import { describe } from "../access-token.ts";
import { createApi, type Fetch } from "../api.ts";
import { kindOfError } from "../errcodes.ts";
import { CHANNEL, type WecomBot } from "../types.ts";

/** How posting to a response URL ended. */
export type Posted =
  | { readonly kind: "done" }
  /** It certainly did not arrive, and may be tried again. */
  | { readonly kind: "later"; readonly reason: string }
  /** It may have arrived. */
  | { readonly kind: "unsure"; readonly reason: string }
  /** This URL takes nothing, or nothing any more. */
  | { readonly kind: "useless"; readonly reason: string };

/** Posts one answer. Never throws, and never tells the URL, which is a secret. */
export type PostResponse = (url: string, body: object, signal: AbortSignal) => Promise<Posted>;

/** @see https://developer.work.weixin.qq.com/document/path/101138 */
export const createPostResponse =
  (options: {
    readonly bot: WecomBot;
    readonly fetch: Fetch;
    readonly timeoutMs: number;
    readonly log: Log;
    /** Default: nobody counts. */
    readonly metrics?: ChannelMetrics;
  }): PostResponse =>
  async (url, body, signal) => {
    const { bot, fetch, timeoutMs, log, metrics } = options;
    const about = { channel: CHANNEL, corpId: bot.corp_id, botId: bot.id };
    if (!isOfApi(url, bot.api_base_url)) {
      const alert = "wecom_response_url_foreign";
      log.error({ ...about, alert }, "response URL is not on the host of api_base_url: not used");
      return { kind: "useless", reason: "response_url: not on the configured host" };
    }
    const { origin, pathname, searchParams } = new URL(url);
    const call = createApi({ baseUrl: origin, fetch, timeoutMs, metrics });
    const query = Object.fromEntries(searchParams);
    const result = await call({ path: pathname, query, json: body }, signal);
    const reason = `response_url: ${describe(result)}`;
    if (result.kind === "unreachable" || result.kind === "paused") return { kind: "later", reason };
    if (result.kind === "lost") return { kind: "unsure", reason };
    if (result.kind === "answered" && result.errcode === 0) return { kind: "done" };
    if (result.kind === "rejected") {
      return result.status >= 500 || result.status === 429
        ? { kind: "later", reason }
        : { kind: "useless", reason };
    }
    const kind = kindOfError(result.errcode);
    return kind === "busy" || kind === "limit"
      ? { kind: "later", reason }
      : { kind: "useless", reason };
  };

/** Nothing that a callback says may lead us to another host than the one that was configured. */
const isOfApi = (url: string, apiBaseUrl: string): boolean => {
  if (!URL.canParse(url)) return false;
  const [given, api] = [new URL(url), new URL(apiBaseUrl)];
  return given.origin === api.origin && given.username === "" && given.password === "";
};
