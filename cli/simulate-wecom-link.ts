import { randomBytes } from "node:crypto";
import type { WecomLinkedBotSettings } from "../config/wecom-apps.ts";
import { codeIn } from "./refusal-code.ts";
import { botSaidJson, isBotEvent, isForBots } from "./wecom-bot-said.ts";
import { type LinkStandIn, startLinkStandIn } from "./wecom-link-stand-in.ts";
import {
  type BotSimulation,
  mediaOf,
  misuse,
  misuseOf,
  openApi,
  portBusy,
  SILENCE_MS,
  type Simulated,
} from "./wecom-simulation.ts";

// A gateway that found nobody tries again after at most 38 s.
const CONNECTS_WITHIN_MS = 45_000;
const QUIET_MS = 1_500;
const BRING_FILES = ["image", "video", "file", "mixed"];

/** Does one thing to a bot with a long connection, once the running gateway has connected to us. */
export const playWecomLink = async (
  bot: WecomLinkedBotSettings,
  simulation: BotSimulation,
): Promise<Simulated> => {
  const { source, timeoutMs, notice, kind = "text", faults = [], userId, group } = simulation;
  const url = new URL(bot.ws_url);
  const isOurs = url.protocol === "ws:" && /^(localhost|127\.\d+\.\d+\.\d+)$/.test(url.hostname);
  if (!isOurs) {
    return misuse(
      `${bot.bot_id} connects to ${url.origin}: to be played, its ws_url in ${source} must be ` +
        "ws://127.0.0.1:<a free port>",
    );
  }
  const wrong = misuseOf(simulation);
  if (wrong !== undefined) return misuse(wrong);
  if (!isForBots(kind))
    return misuse(`--kind ${kind}: an intelligent bot is told of no such thing`);
  if (simulation.retries) return misuse("--retries: a long connection delivers everything once");
  const media = mediaOf(simulation);
  if (typeof media === "string") return misuse(media);

  const aeskey = randomBytes(32).toString("base64");
  const side = { responseCode: "", userId, encodingAesKey: aeskey };
  const files = BRING_FILES.includes(kind)
    ? await openApi(undefined, bot.api_base_url, notice, AbortSignal.timeout(timeoutMs), {
        media,
        bot: side,
      })
    : undefined;
  if (files === "busy") return portBusy(bot.api_base_url, "api_base_url", timeoutMs);
  const scene = { botId: bot.bot_id, secret: bot.secret, chatId: group ?? userId, faults };
  const standIn = await startLinkStandIn(url, scene);
  try {
    if (!standIn) return portBusy(bot.ws_url, "bots[].ws_url", 0);
    return await converse(bot, simulation, standIn, aeskey);
  } finally {
    await Promise.all([standIn?.close(), files?.close()]);
  }
};

const converse = async (
  bot: WecomLinkedBotSettings,
  simulation: BotSimulation,
  standIn: LinkStandIn,
  aeskey: string,
): Promise<Simulated> => {
  const { source, timeoutMs, notice, kind = "text", text, userId, group, quote } = simulation;
  const startedAt = performance.now();
  const unanswered = (
    code: Extract<Simulated, { kind: "unanswered" }>["code"],
    problem: string,
  ): Simulated => {
    const ms = Math.round(performance.now() - startedAt);
    return { kind: "unanswered", problem, ms, status: undefined, code };
  };
  notice(`waiting at ${bot.ws_url} for the gateway; it tries at least every 40 s`);
  const isSubscribed = await standIn.subscribed(
    AbortSignal.timeout(Math.max(timeoutMs, CONNECTS_WITHIN_MS)),
  );
  if (isSubscribed === undefined) {
    return unanswered(
      "GATEWAY_NOT_RUNNING",
      `no gateway connected to ${bot.ws_url}: start it with ${source}; its health page says what ails it`,
    );
  }
  if (!isSubscribed) {
    return unanswered(
      "CALLBACK_REFUSED",
      `the gateway subscribes with another bot_id or secret than ${source} names: restart it`,
    );
  }
  const mediaUrl = `${bot.api_base_url.replace(/\/+$/, "")}/cgi-bin/aibot/media`;
  const said = botSaidJson(
    { kind, text, userId, group, quote },
    { botId: bot.bot_id, name: bot.name ?? "bot", media: { url: mediaUrl, aeskey } },
  );
  const saidAt = performance.now();
  standIn.deliver(isBotEvent(kind) ? "aibot_event_callback" : "aibot_msg_callback", said);
  const patienceMs = isBotEvent(kind) ? SILENCE_MS : timeoutMs;
  const shown = await standIn.collect(AbortSignal.timeout(patienceMs), QUIET_MS);
  if (!shown) {
    if (isBotEvent(kind)) return { kind: "acknowledged", ms: patienceMs, status: undefined };
    return unanswered(
      "TIMED_OUT",
      "no answer in time: see the gateway's log, or wait longer with --timeout",
    );
  }
  const answer = shown.parts.join("\n");
  return {
    kind: "answered",
    answer,
    via: "link",
    parts: shown.parts.length,
    status: undefined,
    frames: shown.frames,
    ms: Math.round(shown.lastAt - saidAt),
    ...codeIn(answer),
  };
};
