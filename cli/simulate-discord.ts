import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Settings } from "../config/schema.ts";
import { type DiscordScene, type DiscordStandIn, startDiscordStandIn } from "./discord-stand-in.ts";
import { localUrl } from "./gateway-url.ts";

export interface DiscordSimulation {
  readonly settings: Settings;
  /** The settings file, for messages. */
  readonly source: string;
  readonly text: string;
  readonly userId: string;
  readonly roles: readonly string[];
  /** Absent: the first one that a tenant is bound to. */
  readonly guildId?: string | undefined;
  /** Absent: the one that a tenant is bound to, else an invented one. */
  readonly channelId?: string | undefined;
  /** In a direct chat instead of a channel. */
  readonly isDirect: boolean;
  /** PEM of the Ed25519 key whose public half is `public_key`; needed for commands. */
  readonly signingKey?: string | undefined;
  readonly timeoutMs: number;
  /** How long it must be quiet for an answer to be whole. Default: 2.5 s, as answers grow every second or so. */
  readonly quietMs?: number;
  readonly notice: (line: string) => void;
}

export type DiscordSimulated =
  | { readonly kind: "answered"; readonly parts: readonly string[]; readonly ms: number }
  | { readonly kind: "unanswered"; readonly problem: string; readonly ms: number }
  | { readonly kind: "misuse"; readonly problem: string };

const QUIET_MS = 2_500;
const ID = /^[1-9]\d{0,19}$/;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Says something to the running gateway as a person on Discord would: over a gateway connection, or
 * as a signed command in mode `interactions`. Takes the place of Discord at `api_base_url`.
 */
export const playDiscord = async (simulation: DiscordSimulation): Promise<DiscordSimulated> => {
  const { settings, source, text, userId, roles, timeoutMs, notice } = simulation;
  const { discord } = settings.channels;
  const misuse = (problem: string): DiscordSimulated => ({ kind: "misuse", problem });
  if (!discord?.enabled) return misuse(`no bot in ${source}: fill in channels.discord`);
  const base = new URL(discord.api_base_url);
  if (base.protocol !== "http:" || !LOOPBACK.test(base.hostname)) {
    return misuse(
      `channels.discord.api_base_url in ${source} is ${base.origin}: set it to http://127.0.0.1:<port>/api ` +
        "and start the gateway with it, so that nothing reaches Discord",
    );
  }
  if (text.trim() === "") return misuse("TEXT is empty: Discord sends no empty text");
  const bindings = settings.multi_tenant.tenants.flatMap((tenant) => tenant.bindings);
  const binding = bindings.find(({ channel }) => channel === "discord");
  const guildId = simulation.guildId ?? binding?.workspace ?? "900000000000000001";
  const channelId = simulation.channelId ?? binding?.conversation ?? "900000000000000002";
  for (const id of [userId, guildId, channelId, ...roles]) {
    if (!ID.test(id)) return misuse(`${id}: expected an id of Discord's: 1 to 20 digits`);
  }
  const applicationId = discord.application_id ?? "900000000000000003";
  const key = discord.mode === "interactions" ? keyOf(simulation, discord.public_key) : undefined;
  if (typeof key === "string") return misuse(key);

  const scene: DiscordScene = {
    botId: "900000000000000004",
    applicationId,
    token: discord.bot_token,
    guildId,
    userId,
    roles,
  };
  const standIn = await startDiscordStandIn(base, scene);
  if (!standIn) {
    return misuse(`${base.origin} (channels.discord.api_base_url) is taken by another program`);
  }
  const startedAt = performance.now();
  const elapsed = () => Math.round(performance.now() - startedAt);
  const deadline = AbortSignal.timeout(timeoutMs);
  const unanswered = (problem: string): DiscordSimulated => ({
    kind: "unanswered",
    problem,
    ms: elapsed(),
  });
  try {
    const place = { ...scene, channelId, isDirect: simulation.isDirect };
    const problem = key
      ? await command(settings, key, place, text, deadline)
      : await speak(standIn, place, text, deadline, notice);
    if (problem !== undefined) return unanswered(problem);
    const parts = await standIn.collect(deadline, simulation.quietMs ?? QUIET_MS);
    return parts
      ? { kind: "answered", parts, ms: elapsed() }
      : unanswered("no answer in time: see the gateway's log, or wait longer with --timeout");
  } finally {
    await standIn.close();
  }
};

interface Place extends DiscordScene {
  readonly channelId: string;
  readonly isDirect: boolean;
}

const EPOCH_MS = 1_420_070_400_000n;

/** Later ones are greater, whatever was simulated before. */
const newId = (): string => String((BigInt(Date.now()) - EPOCH_MS) << 22n);

/** Undefined when it was said. */
const speak = async (
  standIn: DiscordStandIn,
  { botId, guildId, channelId, userId, roles, isDirect }: Place,
  text: string,
  deadline: AbortSignal,
  notice: (line: string) => void,
): Promise<string | undefined> => {
  notice("waiting for the gateway to log in here");
  if (!(await standIn.loggedIn(deadline))) {
    return "the gateway did not log in: is it running, with this bot_token and this api_base_url?";
  }
  standIn.dispatch("MESSAGE_CREATE", {
    id: newId(),
    type: 0,
    attachments: [],
    embeds: [],
    mention_roles: [],
    author: { id: userId, username: "tester" },
    timestamp: new Date().toISOString(),
    ...(isDirect
      ? { channel_id: channelId, channel_type: 1, content: text, mentions: [] }
      : {
          channel_id: channelId,
          channel_type: 0,
          guild_id: guildId,
          member: { roles },
          content: `<@${botId}> ${text}`,
          mentions: [{ id: botId }],
        }),
  });
  return undefined;
};

/** Posts the command, signed. Undefined when it was taken. */
const command = async (
  { server, channels }: Settings,
  key: KeyObject,
  { applicationId, guildId, channelId, userId, roles, isDirect }: Place,
  text: string,
  deadline: AbortSignal,
): Promise<string | undefined> => {
  const user = { id: userId, username: "tester" };
  const body = JSON.stringify({
    id: newId(),
    application_id: applicationId,
    type: 2,
    version: 1,
    token: "simulated-interaction",
    locale: "en-US",
    channel_id: channelId,
    data: { id: "1", name: "ask", type: 1, options: [{ name: "question", type: 3, value: text }] },
    channel: { id: channelId, type: isDirect ? 1 : 0 },
    ...(isDirect ? { user } : { guild_id: guildId, member: { user, roles } }),
  });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = sign(null, Buffer.from(timestamp + body), key).toString("hex");
  const url = `${localUrl(server)}${channels.discord?.webhook_path ?? ""}`;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-signature-ed25519": signature,
        "x-signature-timestamp": timestamp,
      },
      body,
      signal: deadline,
    });
    await response.text();
    return response.ok ? undefined : `the gateway refused the command with ${response.status}`;
  } catch {
    return `no gateway at ${url}: start it in another terminal`;
  }
};

/** The key that signs, or why there is none. */
const keyOf = (
  { signingKey }: DiscordSimulation,
  publicKey: string | undefined,
): KeyObject | string => {
  if (signingKey === undefined) {
    return (
      "mode interactions takes signed commands only, and Discord alone has its key: make one of your own " +
      "(openssl genpkey -algorithm ed25519 -out key.pem), set channels.discord.public_key to its public " +
      "half in a test settings file, and name it with --signing-key key.pem"
    );
  }
  try {
    const key = createPrivateKey(readFileSync(signingKey));
    const half = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
    return half.toString("hex") === publicKey?.trim().toLowerCase()
      ? key
      : `--signing-key ${signingKey}: its public half is ${half.toString("hex")}, and channels.discord.public_key another one`;
  } catch (cause) {
    return `--signing-key ${signingKey}: ${cause instanceof Error ? cause.message : "unreadable"}`;
  }
};
