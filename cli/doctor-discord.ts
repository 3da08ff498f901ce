import type { Settings } from "../config/schema.ts";
import { boundWorkspaces } from "./adapters.ts";
import { bad, type Finding, ok, unknown } from "./finding.ts";

const TIMEOUT_MS = 5_000;
// https://discord.com/developers/docs/resources/application#application-object-application-flags
const MESSAGE_CONTENT = (1 << 18) | (1 << 19);

/** Looks at the bot as Discord's API knows it. Logs in nowhere. Empty when the channel is off. */
export const examineDiscord = async (settings: Settings): Promise<readonly Finding[]> => {
  const { discord } = settings.channels;
  if (!discord?.enabled || discord.bot_token === undefined) return [];
  const get = callOf(discord.api_base_url, discord.bot_token);
  const check = "discord bot";
  const bot = await get("/applications/@me");
  if (bot.status === 401) {
    return [
      bad(
        check,
        "Discord refuses the bot token (401)",
        "create a new one in the developer portal (Bot > Reset Token)",
      ),
    ];
  }
  if (bot.status !== 200) {
    const text = `${discord.api_base_url} does not say (${bot.status ?? "no answer"})`;
    return [unknown(check, text, "let this machine reach Discord")];
  }
  const guilds = boundWorkspaces(settings, "discord");
  return [
    applicationFinding(discord.application_id, String(bot.body.id)),
    ...(discord.mode === "gateway" ? [intentFinding(Number(bot.body.flags ?? 0))] : []),
    ...(await Promise.all(guilds.map((id) => guildFinding(id, get)))),
  ];
};

const applicationFinding = (configured: string | undefined, found: string): Finding =>
  configured === undefined || configured === found
    ? ok("discord bot", `application ${found}`)
    : bad(
        "discord bot",
        `the token is of application ${found}`,
        `correct channels.discord.application_id, which is ${configured}`,
      );

const intentFinding = (flags: number): Finding =>
  (flags & MESSAGE_CONTENT) !== 0
    ? ok("discord intents", "Message Content Intent is on")
    : bad(
        "discord intents",
        "Message Content Intent is off",
        "switch it on in the developer portal (Bot > Privileged Gateway Intents)",
      );

const guildFinding = async (id: string, get: Call): Promise<Finding> => {
  const check = "discord server";
  const { status, body } = await get(`/guilds/${id}`);
  if (status === 200) return ok(check, `${id}: ${String(body.name ?? "")}`);
  return status === 403 || status === 404
    ? bad(
        check,
        `${id}: the bot is not in it`,
        "invite it (docs/discord.md), or correct the workspace of the binding",
      )
    : unknown(check, `${id}: ${status ?? "no answer"}`);
};

interface Answer {
  readonly status: number | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}
type Call = (route: string) => Promise<Answer>;

const callOf =
  (baseUrl: string, token: string): Call =>
  async (route) => {
    try {
      const response = await fetch(`${baseUrl.replace(/\/+$/, "")}/v10${route}`, {
        headers: { authorization: `Bot ${token}` },
        // The token goes nowhere else.
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const body: unknown = await response.json();
      const isObject = typeof body === "object" && body !== null;
      return { status: response.status, body: isObject ? (body as Answer["body"]) : {} };
    } catch {
      return { status: undefined, body: {} };
    }
  };
