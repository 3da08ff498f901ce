import { z } from "zod";
import { foldFileHost } from "../file-host.ts";
import { localPath, secret, text, textLike, url } from "./marks.ts";

const webhookPath = () =>
  textLike("path that starts with /, e.g. /api/wechat/callback", (value) =>
    /^(\/[A-Za-z0-9._~-]+)+$/.test(value),
  );

// 43 characters carry 258 bits: the two surplus ones are set in most real keys, so a strict base64
// decoder would refuse them. Buffer.from ignores them.
const isAesKey = (value: string): boolean =>
  /^[A-Za-z0-9]{43}$/.test(value) && Buffer.from(`${value}=`, "base64").length === 32;

const AES_KEY_LABEL = "EncodingAESKey: 43 letters and digits";
const TOKEN_LABEL = "Token: 1 to 128 characters without spaces";
const isToken = (value: string): boolean => /^[\x21-\x7e]{1,128}$/.test(value);

const wecomToken = () => secret(textLike(TOKEN_LABEL, isToken));

const wecomAesKey = () =>
  secret(
    z.string().trim().refine(isAesKey, { error: AES_KEY_LABEL }).meta({ label: AES_KEY_LABEL }),
  );

// `${WECHAT_TOKEN_OLD:-}` makes an empty pair outside a rotation: it counts as absent.
const wecomPrevious = () =>
  z
    .array(
      z
        .strictObject({
          token: secret(textLike(TOKEN_LABEL, (value) => value === "" || isToken(value))).describe(
            "Token before the rotation.",
          ),
          encoding_aes_key: secret(
            z
              .string()
              .trim()
              .refine((value) => value === "" || isAesKey(value), { error: AES_KEY_LABEL })
              .meta({ label: AES_KEY_LABEL }),
          ).describe("EncodingAESKey before the rotation."),
        })
        .refine((pair) => (pair.token === "") === (pair.encoding_aes_key === ""), {
          error: "token and encoding_aes_key both filled or both empty",
        }),
    )
    .transform((pairs) => pairs.filter((pair) => pair.token !== ""))
    .default([])
    .describe(
      "Credentials that stay valid while a rotation is under way; empty pairs are ignored.",
    );

const corpId = () =>
  textLike("corp id, e.g. ww0123456789abcdef", (value) => /^[A-Za-z0-9_-]{1,64}$/.test(value));

const wecomApp = {
  corp_id: corpId().describe("Id of the corp (CorpID, the receiveid of the callback)."),
  agent_id: textLike("agent id: digits", (value) => /^\d{1,20}$/.test(value)).describe(
    "Id of the self-built app (AgentId).",
  ),
  secret: secret(text()).describe("Secret of the app, exchanged for access tokens."),
  token: wecomToken().describe("Token of the app's callback."),
  encoding_aes_key: wecomAesKey().describe(
    "EncodingAESKey of the app's callback; spaces around it are ignored.",
  ),
  webhook_path: webhookPath().describe("Path of the callback; unique in the gateway."),
};

const botId = () =>
  textLike("bot id: letters, digits, _ and -", (value) => /^[A-Za-z0-9_-]{1,64}$/.test(value));

const wecomBot = z
  .strictObject({
    id: botId().optional().describe("Id of a bot with a webhook (`aibotid`)."),
    token: wecomToken().optional().describe("Token of the bot's callback."),
    encoding_aes_key: wecomAesKey()
      .optional()
      .describe("EncodingAESKey of the bot's callback; opens the files that people send, too."),
    webhook_path: webhookPath()
      .optional()
      .describe(
        "Path of the bot's callback; unique in the gateway. Absent: `/api/wechat/bots/` and the id.",
      ),
    previous: wecomPrevious(),
    bot_id: botId().optional().describe("Id of a bot with a long connection."),
    secret: secret(text()).optional().describe("Secret of the bot's long connection."),
    ws_url: url(["wss", "ws"])
      .optional()
      .describe("Address of the long connection. Absent: `wss://openws.work.weixin.qq.com`."),
    corp_id: corpId()
      .optional()
      .describe(
        "Corp of the bot's users, the `workspace` of bindings. Absent: the block's `corp_id`, else the bot's own id.",
      ),
    name: text()
      .optional()
      .describe(
        "How the bot is mentioned in groups, without `@`. Absent: a message's only mention is the bot's.",
      ),
  })
  .refine(
    (bot) =>
      bot.bot_id === undefined
        ? bot.id !== undefined && bot.token !== undefined && bot.encoding_aes_key !== undefined
        : bot.id === undefined && bot.secret !== undefined,
    { error: "either id, token and encoding_aes_key, or bot_id and secret" },
  );

// Where Tencent keeps them: its object store. https://developer.work.weixin.qq.com/document/path/100719
const TENCENT_FILE_HOSTS = ["*.myqcloud.com"];

const wecomFileHosts = () =>
  z
    .array(
      textLike(
        "name of a public host, e.g. files.example.com or *.example.com",
        (value) => foldFileHost(value) !== undefined,
      ),
    )
    .transform((hosts) => hosts.map((host) => foldFileHost(host) ?? host))
    .default(TENCENT_FILE_HOSTS)
    .describe(
      "Hosts that files sent to bots are fetched from, by https on port 443, besides `api_base_url` itself.",
    );

const enabled = () => z.boolean().default(true).describe("Switches the channel on.");

const wechatWorkSchema = z
  .strictObject({
    enabled: enabled(),
    ...z.strictObject(wecomApp).partial().shape,
    webhook_path: webhookPath()
      .default("/api/wechat/callback")
      .describe("Path of the callback; unique in the gateway."),
    api_base_url: url(["https", "http"])
      .default("https://qyapi.weixin.qq.com")
      .describe("Base URL of the WeCom API, for all apps of this block; may end in a path."),
    file_hosts: wecomFileHosts(),
    ca_file: localPath(text())
      .optional()
      .describe("PEM file with authorities that the API's certificate may come from too."),
    proxy_url: secret(url(["http", "https"], { password: true }))
      .optional()
      .describe("HTTP proxy that calls of the API and long connections go through."),
    replay_window_s: z
      .int()
      .min(60)
      .max(3600)
      .default(300)
      .describe("How far, in seconds, a callback's timestamp may be from our clock."),
    previous: wecomPrevious(),
    bots: z.array(wecomBot).default([]).describe("Intelligent bots (aibot) beside the app."),
    apps: z
      .array(z.strictObject({ ...wecomApp, previous: wecomPrevious() }))
      .default([])
      .describe("Further apps, of this corp or of others."),
  })
  .describe("WeChat Work (WeCom): a self-built app, and further ones.");

const slackId = (what: string) => textLike(what, (value) => /^[A-Za-z0-9]{1,64}$/.test(value));

// `${SLACK_SIGNING_SECRET_OLD:-}` is empty outside a rotation: it counts as absent.
const slackPrevious = () =>
  z
    .array(
      z.strictObject({
        signing_secret: secret(z.string().trim()).describe("Signing secret before the rotation."),
      }),
    )
    .transform((secrets) => secrets.filter(({ signing_secret }) => signing_secret !== ""))
    .default([])
    .describe(
      "Signing secrets that stay valid while a rotation is under way; empty ones are ignored.",
    );

const slackSchema = z
  .strictObject({
    enabled: enabled(),
    mode: z
      .enum(["http", "socket"])
      .optional()
      .describe(
        "How events arrive: posted to `webhook_path`, or over connections that we open. Absent: `socket` where only `app_token` is given, else `http`.",
      ),
    signing_secret: secret(text())
      .optional()
      .describe("Signing secret of the Slack app; needed for `http`."),
    previous: slackPrevious(),
    bot_token: secret(text())
      .optional()
      .describe("Bot token (`xoxb-…`) of the one workspace or organisation it was issued for."),
    app_token: secret(text())
      .optional()
      .describe("App-level token (`xapp-…`) with `connections:write`; needed for `socket`."),
    workspaces: z
      .array(
        z.strictObject({
          team_id: slackId("team id, e.g. T0123ABCDEF").describe("Id of the workspace (`T…`)."),
          bot_token: secret(text()).describe("Bot token of this workspace."),
        }),
      )
      .optional()
      .describe("Workspaces with a bot token of their own."),
    client_id: text().optional().describe("OAuth client id, for installing into workspaces."),
    client_secret: secret(text()).optional().describe("OAuth client secret."),
    webhook_path: webhookPath()
      .default("/api/slack/events")
      .describe("Path that events, commands and interactivity are posted to."),
    api_base_url: url(["https", "http"])
      .default("https://slack.com/api/")
      .describe("Base URL of the Slack API."),
  })
  .describe("Slack.");

const discordSchema = z
  .strictObject({
    enabled: enabled(),
    mode: z
      .enum(["gateway", "interactions"])
      .default("gateway")
      .describe(
        "How people reach us: over connections that we open, or by commands alone that are posted to `webhook_path`.",
      ),
    bot_token: secret(text()).optional().describe("Bot token; needed for `gateway`."),
    application_id: text().optional().describe("Id of the application; needed for `interactions`."),
    public_key: text()
      .optional()
      .describe(
        "Public key that interactions are signed with: 64 hex digits; needed for `interactions`.",
      ),
    webhook_path: webhookPath()
      .default("/api/discord/interactions")
      .describe("Path of the interactions endpoint."),
    api_base_url: url(["https", "http"])
      .default("https://discord.com/api")
      .describe("Base URL of the Discord API, without the version."),
    shards: z
      .int()
      .min(1)
      .max(1_000)
      .optional()
      .describe(
        "Gateway connections; absent = as many as Discord recommends. Replicas share them out.",
      ),
  })
  .describe("Discord.");

/** The chat platforms. */
export const channelsSchema = z
  .strictObject({
    wechat_work: wechatWorkSchema.optional(),
    slack: slackSchema.optional(),
    discord: discordSchema.optional(),
  })
  .describe("The chat platforms, by name.");
