import { randomBytes } from "node:crypto";
import { openAsPlatform, sealAsPlatform } from "../channels/wecom/platform-envelope.ts";
import type { WecomApp } from "../channels/wecom/types.ts";
import { parseXml, textOf, XmlError } from "../channels/wecom/xml.ts";
import { wecomApps } from "../config/wecom-apps.ts";
import { localUrl } from "./gateway-url.ts";
import { codeIn } from "./refusal-code.ts";
import { deliver, notTaken, unreadable } from "./wecom-delivery.ts";
import { isEvent, isForApps, type Said, saidXml } from "./wecom-said.ts";
import {
  mediaOf,
  misuse,
  misuseOf,
  openApi,
  portBusy,
  SILENCE_MS,
  type Simulated,
  type Simulation,
} from "./wecom-simulation.ts";
import type { StandIn } from "./wecom-stand-in.ts";

/**
 * Does one thing to the first WeCom application of the running gateway, as a member would, and waits
 * for the answer. Another protocol, such as an intelligent bot's, is played by a function beside it.
 */
export const playWecom = async (simulation: Simulation): Promise<Simulated> => {
  const { settings, source, text, timeoutMs, notice, kind = "text" } = simulation;
  const [app] = wecomApps(settings);
  if (!app) return misuse(`no WeCom application in ${source}: fill in channels.wechat_work`);
  const wrong = misuseOf(simulation);
  if (wrong !== undefined) return misuse(wrong);
  if (!isForApps(kind)) return misuse(`--kind ${kind} is for intelligent bots: add --bot`);
  const media = mediaOf(simulation);
  if (typeof media === "string") return misuse(media);
  const said: Said = { kind, text, fileName: media.name, mediaId: media.id };

  const deadline = AbortSignal.timeout(timeoutMs);
  const { faults = [] } = simulation;
  const opened = await openApi(app, app.api_base_url, notice, deadline, { media, faults });
  if (opened === "busy") return portBusy(app.api_base_url, "api_base_url", timeoutMs);
  try {
    return await converse(app, simulation, said, opened, deadline);
  } finally {
    await opened?.close();
  }
};

const converse = async (
  app: WecomApp,
  { settings, source, userId, retries }: Simulation,
  said: Said,
  api: StandIn | undefined,
  deadline: AbortSignal,
): Promise<Simulated> => {
  const startedAt = performance.now();
  const elapsed = () => Math.round(performance.now() - startedAt);
  const url = `${localUrl(settings.server)}${app.webhook_path}`;
  const inner = saidXml(app, userId, said);
  const certFile = settings.server.tls?.cert_file;
  const seal = () => sealedRequest(app, inner);
  const posted = await deliver({ url, certFile, retries, seal }, deadline);
  const status = posted.kind === "response" ? posted.status : undefined;
  const unanswered = (
    code: Extract<Simulated, { kind: "unanswered" }>["code"],
    problem: string,
  ): Simulated => ({ kind: "unanswered", problem, ms: elapsed(), status, code });

  const refused = notTaken(posted, url, source);
  if (refused) return unanswered(refused.code, refused.problem);
  if (posted.kind === "response" && posted.body !== "") {
    const answer = readPassive(app, posted.body);
    if (answer === undefined) {
      return unanswered("REPLY_UNREADABLE", unreadable(url, source));
    }
    return {
      kind: "answered",
      answer,
      via: "passive",
      parts: 1,
      ms: elapsed(),
      status,
      ...codeIn(answer),
    };
  }
  const canBeSilent = isEvent(said.kind) && said.kind !== "click";
  const patience = canBeSilent ? AbortSignal.timeout(SILENCE_MS) : deadline;
  const sent = await api?.collect(userId, patience);
  if (!sent && canBeSilent) return { kind: "acknowledged", ms: elapsed(), status };
  if (!sent) {
    return unanswered(
      "TIMED_OUT",
      api
        ? `no answer in time: see the gateway's log, or wait longer with --timeout`
        : "the answer was not in the callback's response, and later ones cannot be seen from here",
    );
  }
  const answer = sent.parts.join("");
  const ms = Math.round(sent.lastAt - startedAt);
  const parts = sent.parts.length;
  return { kind: "answered", answer, via: "message_send", parts, ms, status, ...codeIn(answer) };
};

const sealedRequest = (app: WecomApp, inner: string): { query: string; body: string } => {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = randomBytes(8).toString("hex");
  const sealed = sealAsPlatform(inner, app, app.corp_id, timestamp, nonce);
  const query = new URLSearchParams({
    msg_signature: sealed.signature,
    timestamp: sealed.timestamp,
    nonce: sealed.nonce,
  });
  const body =
    `<xml><ToUserName><![CDATA[${app.corp_id}]]></ToUserName>` +
    `<AgentID><![CDATA[${app.agent_id}]]></AgentID>` +
    `<Encrypt><![CDATA[${sealed.encrypt}]]></Encrypt></xml>`;
  return { query: query.toString(), body };
};

/** The text in an encrypted passive reply; undefined when the reply is not the documented one. */
const readPassive = (app: WecomApp, body: string): string | undefined => {
  try {
    const outer = parseXml(body);
    const field = (name: string) => textOf(outer, name) ?? "";
    const sealed = {
      encrypt: field("Encrypt"),
      timestamp: field("TimeStamp"),
      nonce: field("Nonce"),
      signature: field("MsgSignature"),
    };
    const text = openAsPlatform(sealed, app, app.corp_id);
    return text === undefined ? undefined : textOf(parseXml(text), "Content");
  } catch (error) {
    if (error instanceof XmlError) return undefined;
    throw error;
  }
};
