import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Webhook, WebhookRequest, WebhookResponse } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import { PayloadError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import { describe } from "./api-outcome.ts";
import { grantedBy, type Installations } from "./installations.ts";
import { SCOPES } from "./scopes.ts";
import { CHANNEL } from "./types.ts";
import type { WebApi } from "./web-api.ts";

export interface OauthParts {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Whose consent page is shown is at the same origin. */
  readonly apiBaseUrl: string;
  /** How browsers reach us; absent = Slack takes the app's only redirect URL. */
  readonly publicUrl: string | undefined;
  readonly api: Pick<WebApi, "call">;
  readonly installations: Pick<Installations, "save">;
  readonly state: ChannelState;
  readonly now: () => Date;
  readonly log: Log;
}

export const INSTALL_PATH = "/api/slack/install";
export const REDIRECT_PATH = "/api/slack/oauth_redirect";
const COOKIE = "clawgate_slack_install";
const STATE_MS = 10 * 60_000;
const CALL_MS = 10_000;

/**
 * Installs the app into workspaces: sends the browser to Slack's consent page and takes what comes
 * back, once, from the same browser.
 * @see https://docs.slack.dev/authentication/installing-with-oauth
 */
export const createOauth = (parts: OauthParts): ReadonlyMap<string, Webhook> => {
  const { clientId, clientSecret, publicUrl, api, installations, state, now, log } = parts;
  const redirect =
    publicUrl === undefined ? {} : { redirect_uri: new URL(REDIRECT_PATH, publicUrl).href };
  const isSecure = publicUrl?.startsWith("https:") === true;

  const begin: Webhook = async (request) => {
    if (request.method !== "GET") throw new PayloadError(CHANNEL, "method", 405);
    const secret = issue();
    const consent = new URL("/oauth/v2/authorize", parts.apiBaseUrl);
    consent.search = new URLSearchParams({
      client_id: clientId,
      scope: SCOPES.join(","),
      state: secret,
      ...redirect,
    }).toString();
    return {
      status: 302,
      headers: { location: consent.href, "set-cookie": cookie(secret, isSecure), ...UNSEEN },
    };
  };

  const finish: Webhook = async (request) => {
    if (request.method !== "GET") throw new PayloadError(CHANNEL, "method", 405);
    const query = new URLSearchParams(request.query);
    const [code, secret] = [query.get("code"), query.get("state")];
    if (!secret || !isFromSameBrowser(request, secret) || !(await isFirst(secret))) {
      return page(403, `This link is not valid any more. Begin again at ${INSTALL_PATH}.`);
    }
    if (!code) return page(400, "Slack granted nothing: the installation was not allowed.");
    const args = { client_id: clientId, client_secret: clientSecret, code, ...redirect };
    const outcome = await api.call("", "oauth.v2.access", args, AbortSignal.timeout(CALL_MS));
    const granted = outcome.kind === "ok" ? grantedBy(outcome.body, now()) : undefined;
    if (!granted) {
      const reason = describe(outcome);
      log.error({ channel: CHANNEL, reason, alert: "slack_install_failed" }, "not installed");
      return page(502, `Slack did not confirm the installation. Begin again at ${INSTALL_PATH}.`);
    }
    await installations.save(granted);
    log.info({ channel: CHANNEL, teamId: granted.id }, "app installed");
    return page(
      200,
      `Installed in ${granted.id}. Its people are answered once a tenant of the settings is bound to it.`,
    );
  };

  /** Nothing is stored for who only looks at the consent page: anybody may do that. */
  const issue = (): string => {
    const drawn = `${now().getTime() + STATE_MS}.${randomBytes(24).toString("base64url")}`;
    return `${drawn}.${seal(drawn)}`;
  };
  const seal = (drawn: string): string =>
    createHmac("sha256", clientSecret).update(`install:${drawn}`).digest("base64url");

  /** Whether a state of ours comes back, in time and for the first time. */
  const isFirst = async (secret: string): Promise<boolean> => {
    const [until = "", drawn = "", sealed = ""] = secret.split(".");
    if (!isSame(sealed, seal(`${until}.${drawn}`))) return false;
    if (!(Number(until) > now().getTime())) return false;
    return state.putIfAbsent(keyOf(secret), "used", STATE_MS);
  };

  return new Map([
    [INSTALL_PATH, begin],
    [REDIRECT_PATH, finish],
  ]);
};

// Whoever can read keys must not be able to use one.
const keyOf = (secret: string): string => `oauth/${digest(secret).toString("hex")}`;

const cookie = (secret: string, isSecure: boolean): string =>
  `${COOKIE}=${secret}; Path=${REDIRECT_PATH}; Max-Age=${STATE_MS / 1000}; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;

/** Somebody who was lured to a link of another's installation has not got the cookie. */
const isFromSameBrowser = ({ headers }: WebhookRequest, secret: string): boolean => {
  const sent = headers.cookie;
  const own = (typeof sent === "string" ? sent : "")
    .split(";")
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${COOKIE}=`))
    ?.slice(COOKIE.length + 1);
  return own !== undefined && isSame(own, secret);
};

const isSame = (given: string, expected: string): boolean =>
  timingSafeEqual(digest(given), digest(expected));

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const UNSEEN = { "cache-control": "no-store", "referrer-policy": "no-referrer" };

const page = (status: number, text: string): WebhookResponse => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body: `${text}\n`,
  headers: UNSEEN,
});
