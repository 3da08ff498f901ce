import type { ApiOutcome } from "../channels/slack/api-outcome.ts";
import type { Settings } from "../config/schema.ts";
import { slackMode } from "../config/slack-mode.ts";
import { bad, type Finding, ok, unknown } from "./finding.ts";
import { gatewayUrl } from "./gateway-url.ts";

const TIMEOUT_MS = 5_000;
type Slack = NonNullable<Settings["channels"]["slack"]>;
type Call = (token: string, method: string) => Promise<ApiOutcome>;

/** Looks at Slack's API with every token, and at our own webhook as Slack sees it. Empty when it is off. */
export const examineSlack = async (settings: Settings): Promise<readonly Finding[]> => {
  const { slack } = settings.channels;
  if (!slack?.enabled) return [];
  // Only who uses Slack loads its client.
  const { createWebApi } = await import("../channels/slack/web-api.ts");
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const api = createWebApi({ baseUrl: slack.api_base_url, log, timeoutMs: TIMEOUT_MS });
  const call: Call = (token, method) =>
    api.call(token, method, {}, AbortSignal.timeout(TIMEOUT_MS));
  const tokens = [
    ...(slack.bot_token === undefined ? [] : [["bot_token", slack.bot_token, undefined] as const]),
    ...(slack.workspaces ?? []).map(
      ({ team_id, bot_token }) => [`workspace ${team_id}`, bot_token, team_id] as const,
    ),
  ];
  return [
    ...(await Promise.all(
      tokens.map(([name, token, team]) => tokenFinding(name, token, team, call)),
    )),
    slackMode(slack) === "socket"
      ? await socketFinding(slack, call)
      : await callbackFinding(slack, settings),
  ];
};

const tokenFinding = async (
  name: string,
  token: string,
  team: string | undefined,
  call: Call,
): Promise<Finding> => {
  const check = "slack token";
  const outcome = await call(token, "auth.test");
  if (outcome.kind === "error") {
    return bad(
      check,
      `${name}: Slack refuses it (${outcome.error})`,
      "copy the Bot User OAuth Token of the app's OAuth & Permissions page again",
    );
  }
  if (outcome.kind !== "ok") return notReachable(check, name);
  const found = String(outcome.body.team_id);
  if (team !== undefined && team !== found && outcome.body.is_enterprise_install !== true) {
    return bad(check, `${name}: it is the token of ${found}`, `put the token of ${team} there`);
  }
  const missing = await missingScopes(outcome.body);
  return missing.length === 0
    ? ok(check, `${name}: speaks in ${found}`)
    : bad(
        check,
        `${name}: may not ${missing.join(", ")}`,
        "add these bot scopes under OAuth & Permissions and install the app again",
      );
};

/** Slack names what a token may in a header, which its client puts beside the answer. */
const missingScopes = async (
  body: Readonly<Record<string, unknown>>,
): Promise<readonly string[]> => {
  const { SCOPES } = await import("../channels/slack/scopes.ts");
  const { scopes } = (body.response_metadata ?? {}) as { readonly scopes?: unknown };
  if (!Array.isArray(scopes)) return [];
  // Newer apps may do it with chat:write.
  return SCOPES.filter((scope) => scope !== "assistant:write" && !scopes.includes(scope));
};

const socketFinding = async (slack: Slack, call: Call): Promise<Finding> => {
  const check = "slack socket";
  if (slack.app_token === undefined) return lacking(check, "app_token");
  const outcome = await call(slack.app_token, "apps.connections.open");
  if (outcome.kind === "ok") return ok(check, "connections can be opened");
  if (outcome.kind !== "error") return notReachable(check, "apps.connections.open");
  return bad(
    check,
    `Slack refuses connections (${outcome.error})`,
    "switch Socket Mode on in the app's settings, and copy an app-level token with connections:write",
  );
};

/** Asks the running gateway what Slack asks when the request URL is saved. */
const callbackFinding = async (slack: Slack, settings: Settings): Promise<Finding> => {
  const check = "slack url";
  if (slack.signing_secret === undefined) return lacking(check, "signing_secret");
  const { sign } = await import("../channels/slack/verify.ts");
  const url = new URL(slack.webhook_path, gatewayUrl(settings));
  const challenge = crypto.randomUUID();
  const body = JSON.stringify({ type: "url_verification", challenge });
  const timestamp = String(Math.floor(Date.now() / 1000));
  try {
    const response = await fetch(url, {
      method: "POST",
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        "content-type": "application/json",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": `v0=${sign(slack.signing_secret, timestamp, Buffer.from(body)).toString("hex")}`,
      },
    });
    if ((await response.text()) === challenge) return ok(check, `${url} answers`);
    return bad(
      check,
      `${url} answered ${response.status}, not what was asked`,
      "is this gateway, with these settings, behind that address? Restart it after a change",
    );
  } catch {
    return bad(
      check,
      `${url} does not answer`,
      "start the gateway (npm start), and let server.public_url reach it",
    );
  }
};

const lacking = (check: string, key: string): Finding =>
  bad(check, `channels.slack.${key} is missing`, "fill it in: docs/slack.md says where it stands");

const notReachable = (check: string, name: string): Finding =>
  unknown(
    check,
    `${name}: Slack could not be asked`,
    "let this machine reach the api_base_url of channels.slack",
  );
