import { createApi } from "../channels/wecom/api.ts";
import { NO_RECEIVE_ID } from "../channels/wecom/bot/envelope.ts";
import type { Settings } from "../config/schema.ts";
import {
  type WecomAppSettings,
  wecomApps,
  wecomBots,
  wecomLinkedBots,
} from "../config/wecom-apps.ts";
import { callbackFinding } from "./doctor-wecom-callback.ts";
import { linkFindings } from "./doctor-wecom-link.ts";
import { StartError } from "./errors.ts";
import { bad, type Finding, ok, unknown } from "./finding.ts";
import { wecomFetch } from "./wecom-reach.ts";

const TIMEOUT_MS = 3_000;
const CLOCK_TOLERANCE_MS = 60_000;

type Fetch = typeof globalThis.fetch;

/** Looks at WeCom's API and at our own callbacks as the cloud sees them. Empty when it is off. */
export const examineWecom = async (settings: Settings): Promise<readonly Finding[]> => {
  const apps = wecomApps(settings);
  const bots = wecomBots(settings);
  const linkedBots = wecomLinkedBots(settings);
  const [first] = [...apps, ...bots, ...linkedBots];
  if (!first) return [];
  let fetch: Fetch;
  try {
    fetch = await wecomFetch(settings);
  } catch (cause) {
    if (!(cause instanceof StartError)) throw cause;
    const remedy = "correct the file, or leave the setting out for a public certificate";
    return [bad("wecom api", cause.message, remedy)];
  }
  return [
    await clockFinding(first.api_base_url, fetch),
    addressFinding(settings),
    ...(await Promise.all(apps.map((app) => credentialsFinding(app, fetch)))),
    ...(await Promise.all(
      apps.map((app) => callbackFinding("callback", app, app.corp_id, settings)),
    )),
    ...(await Promise.all(
      bots.map((bot) => callbackFinding("bot url", bot, NO_RECEIVE_ID, settings)),
    )),
    ...(linkedBots.length > 0 ? await linkFindings(linkedBots, settings) : []),
  ];
};

/** The built-in demo's WeCom is played by `simulate`, while it runs: only our own side can be judged. */
export const examineDemo = async (settings: Settings): Promise<readonly Finding[]> => [
  ok("platform", "of the demo: `clawgate simulate wecom` plays it"),
  ...(await Promise.all(
    wecomApps(settings).map((app) => callbackFinding("callback", app, app.corp_id, settings)),
  )),
];

/** Our clock against the platform's: a callback older than the replay window is refused. */
const clockFinding = async (platform: string, fetch: Fetch): Promise<Finding> => {
  const { host } = new URL(platform);
  const check = "clock";
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const ours = new Date().toISOString();
  try {
    const response = await fetch(platform, { method: "HEAD", redirect: "manual", signal });
    const offMs = Math.abs(Date.now() - Date.parse(response.headers.get("date") ?? ""));
    if (Number.isNaN(offMs)) throw new Error("it sends no date");
    return offMs <= CLOCK_TOLERANCE_MS
      ? ok(check, `${ours}, as ${host} has it`)
      : bad(
          check,
          `${Math.round(offMs / 1000)} s off ${host}`,
          "set the clock (timedatectl set-ntp true): callbacks are refused as too old",
        );
  } catch {
    return unknown(check, `${ours}; ${host} not reachable to compare with`);
  }
};

/** Where the cloud finds us: it needs an address that is not of this machine alone. */
const addressFinding = ({ server: { public_url } }: Settings): Finding => {
  const check = "public url";
  if (public_url === undefined) {
    return unknown(
      check,
      "server.public_url is not set",
      "name the address that WeCom reaches; the callback is judged from this machine",
    );
  }
  const { protocol, hostname } = new URL(public_url);
  if (/^(localhost|127\.|\[::1\])/.test(hostname)) {
    return bad(
      check,
      `${public_url} is this machine alone`,
      "set server.public_url to the address that WeCom reaches",
    );
  }
  return protocol === "https:"
    ? ok(check, public_url)
    : unknown(
        check,
        `${public_url} is not encrypted`,
        "put TLS before it: WeCom takes http, but sender and time travel in the open",
      );
};

/** What an operator does about an errcode; the others are said by their number alone. */
const REMEDIES: ReadonlyMap<number, string> = new Map([
  [40001, "copy the secret of this very app again: every app has its own"],
  [40013, "correct corp_id: My company > Company information, at the bottom"],
  [40056, "correct agent_id: it stands beside the secret on the app's page"],
  [301002, "correct agent_id: the secret belongs to another app"],
  [45009, "too many calls: wait a minute, and look for another program with this secret"],
  [48002, "let the app use this API: App management > the app > API permissions"],
  [60020, "add this machine's outgoing address under the app's trusted IPs (企业可信IP)"],
]);

const credentialsFinding = async (app: WecomAppSettings, fetch: Fetch): Promise<Finding> => {
  const call = createApi({ baseUrl: app.api_base_url, fetch, timeoutMs: TIMEOUT_MS });
  const signal = new AbortController().signal;
  const check = "credentials";
  const name = `${app.corp_id}/${app.agent_id}`;
  const query = { corpid: app.corp_id, corpsecret: app.secret };
  const granted = await call({ path: "/cgi-bin/gettoken", query }, signal);
  const token = granted.kind === "answered" ? granted.body.access_token : undefined;
  // The callback of the address book belongs to no app; its entry bears the number 0.
  const isApp = app.agent_id !== "0";
  const asked =
    typeof token === "string" && isApp
      ? // A token alone says nothing about agent_id and trusted addresses: ask for the app itself.
        await call(
          { path: "/cgi-bin/agent/get", query: { access_token: token, agentid: app.agent_id } },
          signal,
        )
      : granted;
  const api = typeof token === "string" && isApp ? "agent/get" : "gettoken";
  if (asked.kind === "answered" && asked.errcode === 0) {
    const what = isApp ? ", the app is there" : "";
    return ok(check, `${name}: token granted${what}`);
  }
  if (asked.kind === "answered") {
    const text = `${name}: ${api} says errcode ${asked.errcode}`;
    return bad(check, text, remedyFor(asked.errcode));
  }
  if (api === "agent/get") {
    return ok(check, `${name}: token granted; the app itself cannot be asked for`);
  }
  const { host } = new URL(app.api_base_url);
  if (asked.kind === "rejected") {
    return bad(
      check,
      `${name}: ${host} answers HTTP ${asked.status}, not as WeCom`,
      "correct api_base_url; for a private deployment it may need a path",
    );
  }
  return unknown(
    check,
    `${name}: ${host} not reachable (${asked.reason})`,
    "let this machine reach it; ca_file and proxy_url help with private networks",
  );
};

const remedyFor = (errcode: number): string =>
  REMEDIES.get(errcode) ??
  `look it up: https://developer.work.weixin.qq.com/devtool/query?e=${errcode}`;
