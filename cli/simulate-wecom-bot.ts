import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { NO_RECEIVE_ID } from "../channels/wecom/bot/envelope.ts";
import { JsonError, readJson, textIn } from "../channels/wecom/bot/json.ts";
import { openAsPlatform, sealAsPlatform } from "../channels/wecom/platform-envelope.ts";
import {
  type WecomBotSettings,
  wecomApps,
  wecomBots,
  wecomLinkedBots,
} from "../config/wecom-apps.ts";
import { localUrl } from "./gateway-url.ts";
import { codeIn } from "./refusal-code.ts";
import { playWecomLink } from "./simulate-wecom-link.ts";
import { botSaidJson, isBotEvent, isForBots } from "./wecom-bot-said.ts";
import { type BotShown, shownOf } from "./wecom-bot-shown.ts";
import { deliver, notTaken, unreadable } from "./wecom-delivery.ts";
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
import type { BotSide, StandIn } from "./wecom-stand-in.ts";

const POLL_MS = 500;
// The platform stops asking then, whether the stream is finished or not.
// https://developer.work.weixin.qq.com/document/path/101031
const POLLED_FOR_MS = 6 * 60_000;
// After a stream that was polled, a card or files follow at once; an answer that was in the response
// is all there is, unless that was the rest of an earlier one.
const AFTER_POLLS_MS = 2_000;
const AFTER_RESPONSE_MS = 300;
// A stream that ends so full, or with these words, is continued another way.
const FULL_BYTES = 19_000;
const CONTINUES = "continues below";

/** Does one thing to a bot of the running gateway, and waits for its answer. */
export const playWecomBot = async (simulation: BotSimulation): Promise<Simulated> => {
  const { settings, source, botId } = simulation;
  const bot = wecomBots(settings).find(({ id }) => id === (botId ?? id));
  if (bot) return playWebhookBot(bot, simulation);
  const linked = wecomLinkedBots(settings).find(({ bot_id }) => bot_id === (botId ?? bot_id));
  if (linked) return playWecomLink(linked, simulation);
  return misuse(`no such bot in ${source}: see channels.wechat_work.bots`);
};

/** With a webhook: asks for its stream until it ends, as the cloud does. */
const playWebhookBot = async (
  bot: WecomBotSettings,
  simulation: BotSimulation,
): Promise<Simulated> => {
  const { settings, timeoutMs, notice, kind = "text", faults = [], userId } = simulation;
  const wrong = misuseOf(simulation);
  if (wrong !== undefined) return misuse(wrong);
  if (!isForBots(kind))
    return misuse(`--kind ${kind}: an intelligent bot is told of no such thing`);
  const media = mediaOf(simulation);
  if (typeof media === "string") return misuse(media);
  const deadline = AbortSignal.timeout(timeoutMs);
  const { encoding_aes_key: encodingAesKey, api_base_url: apiBaseUrl } = bot;
  const side = { responseCode: randomBytes(12).toString("hex"), userId, encodingAesKey };
  const app = wecomApps(settings).find(({ corp_id }) => corp_id === bot.corp_id);
  const options = { media, faults, bot: side };
  const opened = await openApi(app, apiBaseUrl, notice, deadline, options);
  if (opened === "busy") return portBusy(apiBaseUrl, "api_base_url", timeoutMs);
  try {
    return await converse(bot, simulation, side, opened, deadline);
  } finally {
    await opened?.close();
  }
};

const converse = async (
  bot: WecomBotSettings,
  simulation: BotSimulation,
  side: BotSide,
  api: StandIn | undefined,
  deadline: AbortSignal,
): Promise<Simulated> => {
  const { settings, source, userId, text, group, quote, retries, timeoutMs } = simulation;
  const { kind = "text", pollMs = POLL_MS } = simulation;
  const startedAt = performance.now();
  const elapsed = () => Math.round(performance.now() - startedAt);
  const url = `${localUrl(settings.server)}${bot.webhook_path}`;
  const certFile = settings.server.tls?.cert_file;
  const base = `${bot.api_base_url.replace(/\/+$/, "")}/cgi-bin/aibot`;
  const said = botSaidJson(
    { kind, text, userId, group, quote },
    {
      botId: bot.id,
      name: bot.name ?? "bot",
      media: { url: `${base}/media` },
      responseUrl: `${base}/response?response_code=${side.responseCode}`,
    },
  );
  const posted = await deliver({ url, certFile, retries, seal: () => sealed(bot, said) }, deadline);
  const status = posted.kind === "response" ? posted.status : undefined;
  const unanswered = (
    code: Extract<Simulated, { kind: "unanswered" }>["code"],
    problem: string,
  ): Simulated => ({ kind: "unanswered", problem, ms: elapsed(), status, code });
  const refused = notTaken(posted, url, source);
  if (refused) return unanswered(refused.code, refused.problem);

  const poll = async (id: string): Promise<BotShown | undefined> => {
    const question = { msgid: `POLL${randomBytes(8).toString("hex")}`, aibotid: bot.id };
    const body = { ...question, msgtype: "stream", stream: { id } };
    const seal = () => sealed(bot, body);
    const polled = await deliver({ url, certFile, seal, retries: undefined }, NEVER);
    return polled.kind === "response" ? readAnswer(bot, polled.body) : undefined;
  };

  let shown: BotShown | undefined;
  let frames = 0;
  let polls = 0;
  if (posted.kind === "response" && posted.body !== "") {
    shown = readAnswer(bot, posted.body);
    if (!shown) return unanswered("REPLY_UNREADABLE", unreadable(url, source));
    frames = shown.text === "" ? 0 : 1;
    while (!shown.isFinished && elapsed() < POLLED_FOR_MS) {
      if (shown.text === "" && deadline.aborted) return unanswered("TIMED_OUT", NO_ANSWER);
      await delay(pollMs);
      polls += 1;
      const next: BotShown | undefined = shown.streamId ? await poll(shown.streamId) : undefined;
      if (!next) continue;
      if (next.text !== shown.text) frames += 1;
      shown = next;
    }
  }
  const isSilent = !shown && isBotEvent(kind);
  const later = await api?.collect(userId, patienceOf(shown, polls, isSilent, deadline, timeoutMs));
  const parts = [...(shown ? [shown.text] : []), ...(later?.parts ?? [])];
  if (parts.length === 0) {
    if (isSilent) return { kind: "acknowledged", ms: elapsed(), status };
    return unanswered("TIMED_OUT", NO_ANSWER);
  }
  const answer = parts.map((part) => part.replace(/^\n/, "")).join("\n");
  return {
    kind: "answered",
    answer,
    parts: parts.length,
    status,
    ...codeIn(answer),
    via: !shown ? "response_url" : shown.streamId ? "stream" : "passive",
    ms: later ? Math.round(later.lastAt - startedAt) : elapsed(),
    ...(shown?.streamId && { frames }),
  };
};

/** How long what comes after the response is waited for. */
const patienceOf = (
  shown: BotShown | undefined,
  polls: number,
  isSilent: boolean,
  deadline: AbortSignal,
  timeoutMs: number,
): AbortSignal => {
  if (!shown) return isSilent ? AbortSignal.timeout(SILENCE_MS) : deadline;
  const isContinued = shown.text.endsWith(CONTINUES) || Buffer.byteLength(shown.text) >= FULL_BYTES;
  if (isContinued) return AbortSignal.timeout(timeoutMs);
  return AbortSignal.timeout(polls > 0 ? AFTER_POLLS_MS : AFTER_RESPONSE_MS);
};

const NO_ANSWER = "no answer in time: see the gateway's log, or wait longer with --timeout";
const NEVER = new AbortController().signal;

const sealed = (bot: WecomBotSettings, said: object): { query: string; body: string } => {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const text = JSON.stringify(said);
  const nonce = randomBytes(8).toString("hex");
  const envelope = sealAsPlatform(text, bot, NO_RECEIVE_ID, timestamp, nonce);
  const query = new URLSearchParams({
    msg_signature: envelope.signature,
    timestamp: envelope.timestamp,
    nonce: envelope.nonce,
  });
  return { query: query.toString(), body: JSON.stringify({ encrypt: envelope.encrypt }) };
};

/** What a response shows; undefined when it is not the documented one. */
const readAnswer = (bot: WecomBotSettings, body: string): BotShown | undefined => {
  try {
    const outer = readJson(body);
    const field = (name: string) => textIn(outer, name) ?? "";
    const sealed = {
      encrypt: field("encrypt"),
      timestamp: field("timestamp"),
      nonce: field("nonce"),
      signature: field("msgsignature"),
    };
    const text = openAsPlatform(sealed, bot, NO_RECEIVE_ID);
    return text === undefined ? undefined : shownOf(JSON.parse(text) as object);
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
};
