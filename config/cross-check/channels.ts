import { type Draft, itemsOf } from "../draft.ts";
import type { SettingsPath } from "../problem.ts";
import type { Report } from "../report.ts";
import { slackMode } from "../slack-mode.ts";
import { createUniqueCheck } from "./unique.ts";

const APP_KEYS = ["corp_id", "agent_id", "secret", "token", "encoding_aes_key"] as const;

// What the gateway serves itself.
const RESERVED =
  /^\/(metrics|api\/(health|memory|audit|agents|skills|tenants|approvals|openapi\.json))(\/|$)/;

/** A WeCom app is complete, no app is there twice, and every webhook path leads to one place. */
export const checkChannels = (draft: Draft, report: Report): void => {
  const channels = draft.channels ?? {};
  const wecom = channels.wechat_work;
  if (wecom) checkOwnApp(wecom, report);
  if (channels.slack) checkSlack(channels.slack, report);
  if (channels.discord) checkDiscord(channels.discord, report);
  const at: SettingsPath = ["channels", "wechat_work"];
  const apps = [
    [at, wecom] as const,
    ...itemsOf(wecom?.apps).map(([index, app]) => [[...at, "apps", index], app] as const),
  ];
  const sameApp = createUniqueCheck(report, "app");
  for (const [path, app] of apps) {
    if (app?.corp_id === undefined || app.agent_id === undefined) continue;
    sameApp(JSON.stringify([app.corp_id, app.agent_id]), [...path, "agent_id"]);
  }

  const sameBot = createUniqueCheck(report, "bot");
  for (const [index, bot] of itemsOf(wecom?.bots)) {
    const key = bot.bot_id === undefined ? "id" : "bot_id";
    const id = bot[key];
    if (id !== undefined) sameBot(id, [...at, "bots", index, key]);
  }

  const samePath = createUniqueCheck(report, "webhook path");
  const hasOwnApp = wecom && APP_KEYS.some((key) => wecom[key] !== undefined);
  const places = [
    ...apps.filter(([path]) => hasOwnApp || path !== at),
    ...itemsOf(wecom?.bots).map(([index, bot]) => [[...at, "bots", index], bot] as const),
    [["channels", "slack"], channels.slack] as const,
    [["channels", "discord"], channels.discord] as const,
  ];
  for (const [path, place] of places) {
    const webhookPath = place?.webhook_path;
    if (webhookPath === undefined) continue;
    const where = [...path, "webhook_path"];
    samePath(webhookPath, where);
    const isOfMetrics = webhookPath === draft.monitoring?.metrics?.endpoint;
    if (isOfMetrics || RESERVED.test(webhookPath)) {
      report.problem(where, `${webhookPath}, which the gateway serves itself`, "another path");
    }
  }
};

type Slack = NonNullable<NonNullable<Draft["channels"]>["slack"]>;

/** What events come with and what is spoken with; and no workspace has two tokens. */
const checkSlack = (slack: Slack, report: Report): void => {
  const at: SettingsPath = ["channels", "slack"];
  if (slack.enabled === false) return;
  const mode = slackMode(slack);
  const key = mode === "socket" ? "app_token" : "signing_secret";
  if (slack[key] === undefined) {
    report.warn([...at, key], `missing, so nothing can come in: mode ${mode} needs it`);
  }
  if ((slack.client_id === undefined) !== (slack.client_secret === undefined)) {
    const missing = slack.client_id === undefined ? "client_id" : "client_secret";
    report.warn([...at, missing], "missing, so the app cannot be installed through the gateway");
  }
  const workspaces = itemsOf(slack.workspaces);
  if (slack.bot_token === undefined && workspaces.length === 0 && slack.client_id === undefined) {
    report.warn(
      [...at, "bot_token"],
      "nothing to answer with: set bot_token, workspaces, or client_id and client_secret",
    );
  }
  const sameTeam = createUniqueCheck(report, "team id");
  for (const [index, { team_id }] of workspaces) {
    if (team_id !== undefined) sameTeam(team_id, [...at, "workspaces", index, "team_id"]);
  }
};

type Discord = NonNullable<NonNullable<Draft["channels"]>["discord"]>;

/** What messages and commands come with. */
const checkDiscord = (discord: Discord, report: Report): void => {
  const at: SettingsPath = ["channels", "discord"];
  if (discord.enabled === false) return;
  const { mode = "gateway", public_key } = discord;
  const needed =
    mode === "gateway" ? (["bot_token"] as const) : (["public_key", "application_id"] as const);
  for (const key of needed) {
    if (discord[key] !== undefined) continue;
    report.warn([...at, key], `missing, so nothing can come in: mode ${mode} needs it`);
  }
  if (public_key !== undefined && !/^[0-9a-f]{64}$/i.test(public_key)) {
    report.warn([...at, "public_key"], "not 64 hex digits, so every interaction will be refused");
  }
};

type WechatWork = NonNullable<NonNullable<Draft["channels"]>["wechat_work"]>;

const checkOwnApp = (wecom: WechatWork, report: Report): void => {
  const given = APP_KEYS.filter((key) => wecom[key] !== undefined);
  const hasOthers = (wecom.apps ?? []).length > 0 || (wecom.bots ?? []).length > 0;
  if (wecom.enabled === false || (given.length === 0 && hasOthers)) return;
  for (const key of APP_KEYS) {
    if (given.includes(key)) continue;
    report.problem(
      ["channels", "wechat_work", key],
      "nothing",
      `the app's ${key}, or enabled: false`,
    );
  }
};
