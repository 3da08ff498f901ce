import { createDeadline } from "../deadline.ts";
import { isLoopback } from "../loopback.ts";
import { type ApiOutcome, describe } from "./api-outcome.ts";
import { textIn } from "./json.ts";
import type { WebApi } from "./web-api.ts";

/** Where to connect, or why not. */
export type SocketUrl =
  | { readonly kind: "url"; readonly url: string }
  /** `fault` is what an operator has to put right; absent where it may pass by itself. */
  | {
      readonly kind: "none";
      readonly reason: string;
      readonly afterMs?: number;
      readonly fault?: string;
    };

const CALL_MS = 10_000;

/**
 * Asks for the address of one connection, which is good once.
 * @see https://docs.slack.dev/reference/methods/apps.connections.open
 */
export const socketUrl = async (
  api: Pick<WebApi, "call">,
  appToken: string,
  baseUrl: string,
  signal: AbortSignal,
): Promise<SocketUrl> => {
  const deadline = createDeadline(CALL_MS, signal);
  const outcome = await api
    .call(appToken, "apps.connections.open", {}, deadline.signal)
    .finally(deadline.clear);
  if (outcome.kind !== "ok") return { kind: "none", ...notGranted(outcome) };
  const url = textIn(outcome.body, "url");
  return url !== undefined && isSlacks(url, baseUrl)
    ? { kind: "url", url }
    : { kind: "none", reason: "apps.connections.open names an address that is not Slack's" };
};

/** Slack's own hosts, and the one that the settings name; in clear only where that one is. */
const isSlacks = (url: string, baseUrl: string): boolean => {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  const base = new URL(baseUrl);
  const isBase = hostname === base.hostname || (isLoopback(hostname) && isLoopback(base.hostname));
  if (isBase && base.protocol === "http:") {
    return protocol === "ws:" || protocol === "wss:";
  }
  const isOurs = isBase || /(^|\.)slack(-msgs)?\.com$/.test(hostname);
  return protocol === "wss:" && isOurs;
};

const notGranted = (outcome: Exclude<ApiOutcome, { kind: "ok" }>) => {
  const reason = `apps.connections.open: ${describe(outcome)}`;
  if (outcome.kind === "limited") return { reason, afterMs: outcome.afterMs };
  const remedy = outcome.kind === "error" ? REMEDIES[outcome.error] : undefined;
  return remedy === undefined
    ? { reason }
    : { reason, fault: `Slack refuses the connection (${describe(outcome)}): ${remedy}` };
};

const APP_TOKEN =
  "copy an app-level token (xapp-…) with connections:write of the app's Basic Information page into channels.slack.app_token and restart";

/** What an operator does about it. */
const REMEDIES: Readonly<Record<string, string>> = {
  invalid_auth: APP_TOKEN,
  not_authed: APP_TOKEN,
  account_inactive: APP_TOKEN,
  token_revoked: APP_TOKEN,
  token_expired: APP_TOKEN,
  not_allowed_token_type: APP_TOKEN,
  missing_scope: APP_TOKEN,
  socket_mode_disabled: "switch Socket Mode on in the app's settings",
  link_disabled: "switch Socket Mode on in the app's settings",
};
