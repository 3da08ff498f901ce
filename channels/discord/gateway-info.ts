import type { GatewayInfo } from "./gateway-connection.ts";
import { isSafe, withoutQuery } from "./gateway-url.ts";
import { isPayload, numberIn, objectIn, textIn } from "./payload.ts";
import type { Rest } from "./rest.ts";

export type FoundGateway =
  | { readonly kind: "found"; readonly info: GatewayInfo }
  | { readonly kind: "away"; readonly reason: string };

/**
 * Asks where the gateway is and what it allows. Never rejects.
 * @see https://discord.com/developers/docs/topics/gateway#get-gateway-bot
 */
export const findGateway = async (
  rest: Rest,
  apiBaseUrl: string,
  signal: AbortSignal,
): Promise<FoundGateway> => {
  const outcome = await rest.request("GET", "/gateway/bot", { signal });
  if (outcome.kind !== "ok") {
    const reason = "reason" in outcome ? outcome.reason : outcome.kind;
    return { kind: "away", reason: `GET /gateway/bot: ${reason}` };
  }
  const body = isPayload(outcome.body) ? outcome.body : undefined;
  const url = textIn(body, "url");
  if (url === undefined || !isSafe(url, apiBaseUrl)) {
    return {
      kind: "away",
      reason: "GET /gateway/bot: no wss:// address of Discord's or of api_base_url's host",
    };
  }
  const limit = objectIn(body, "session_start_limit");
  return {
    kind: "found",
    info: {
      url: withoutQuery(url),
      shards: Math.max(1, numberIn(body, "shards") ?? 1),
      remaining: numberIn(limit, "remaining") ?? 1,
      resetAfterMs: numberIn(limit, "reset_after") ?? 0,
      maxConcurrency: Math.max(1, numberIn(limit, "max_concurrency") ?? 1),
    },
  };
};
