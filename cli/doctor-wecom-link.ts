import { LINK_TIMINGS, openConnection } from "../channels/wecom/bot-link/connection.ts";
import type { Settings } from "../config/schema.ts";
import type { WecomLinkedBotSettings } from "../config/wecom-apps.ts";
import { isGatewayAlive } from "../core/delivery/process-lease.ts";
import { openStore } from "../core/store/open-store.ts";
import { bad, type Finding, ok, unknown } from "./finding.ts";
import { gatewayUrl } from "./gateway-url.ts";
import { storeBesideGateway } from "./storage.ts";
import { wecomReach } from "./wecom-reach.ts";

const TIMEOUT_MS = 5_000;
const check = "bot link";

/**
 * Whether bots with a long connection can have one: subscribes, unless a gateway runs on this store.
 * A bot has one connection, so trying would displace the gateway's own.
 */
export const linkFindings = async (
  bots: readonly WecomLinkedBotSettings[],
  settings: Settings,
): Promise<readonly Finding[]> => {
  const isRunning = await isGatewayRunning(settings);
  if (isRunning === false) {
    return Promise.all(bots.map((bot) => subscriptionFinding(bot, settings)));
  }
  const names = bots.map(({ bot_id }) => bot_id).join(", ");
  if (isRunning === undefined) {
    const text = `${names}: not tried: a gateway may hold the connection, and the store that knows cannot be read`;
    return [unknown(check, text, "put the store right first")];
  }
  return [await healthFinding(names, settings)];
};

/** Undefined when it cannot be told. */
const isGatewayRunning = async (settings: Settings): Promise<boolean | undefined> => {
  try {
    const store = await openStore(storeBesideGateway(settings));
    try {
      return await isGatewayAlive(store, new Date());
    } finally {
      await store.close();
    }
  } catch {
    return undefined;
  }
};

/** What the running gateway knows of its connections. */
const healthFinding = async (names: string, settings: Settings): Promise<Finding> => {
  const url = new URL("/api/health", gatewayUrl(settings));
  const why = "not tried, because it would displace the running gateway's connection";
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const { checks } = (await response.json()) as Health;
    const known = checks?.["channels.wechat_work"];
    if (known === undefined) throw new Error("no such check");
    if (known.ok) return ok(check, `${names}: the gateway knows of no fault`);
    return bad(
      check,
      `${names}: the gateway says: ${known.reason}`,
      "put that right; each gateway needs a bot of its own, and a restart after a new secret",
    );
  } catch {
    return unknown(
      check,
      `${names}: ${why}; ${url.origin} says nothing of it`,
      "look at channels.wechat_work on the gateway's health page",
    );
  }
};

interface Health {
  readonly checks?: Readonly<Record<string, { readonly ok: boolean; readonly reason?: string }>>;
}

const subscriptionFinding = async (
  bot: WecomLinkedBotSettings,
  settings: Settings,
): Promise<Finding> => {
  const { bot_id: botId, secret, ws_url: url } = bot;
  const { host } = new URL(url);
  const done = new AbortController();
  const opened = await openConnection({
    url,
    reach: wecomReach(settings),
    botId,
    secret,
    signal: done.signal,
    timings: { ...LINK_TIMINGS, subscribeMs: TIMEOUT_MS },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    received: () => {},
  });
  done.abort();
  switch (opened.kind) {
    case "open":
      return ok(check, `${botId}: subscribed at ${host}, and left again`);
    case "credentials":
      return bad(
        check,
        `${botId}: ${host} says errcode ${opened.errcode}`,
        "copy bot_id and secret again: the secret is the one of the long connection mode",
      );
    case "displaced":
      return bad(
        check,
        `${botId}: displaced at once`,
        "something else subscribes for this bot: give each gateway a bot of its own",
      );
    case "broken":
      return unknown(
        check,
        `${botId}: no connection to ${host} (${opened.reason})`,
        "let this machine reach ws_url; ca_file and proxy_url help with private networks",
      );
  }
};
