import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { isSignedWith, open, seal } from "../channels/wecom/envelope.ts";
import { isUserId, type WecomApp } from "../channels/wecom/types.ts";
import { parseXml, textOf, XmlError } from "../channels/wecom/xml.ts";
import type { Settings } from "../config/schema.ts";
import { wecomApps } from "../config/wecom-apps.ts";
import type { RefusalCode } from "../core/contract/reply.ts";
import type { SaidKind } from "./said-kinds.ts";
import { callbackUrl, deliver, notTaken, unreadable } from "./wecom-delivery.ts";
import { isEvent, isForApps, needsText, type Said, saidXml } from "./wecom-said.ts";
import { type StandIn, type StandInOptions, startStandIn } from "./wecom-stand-in.ts";

export interface Simulation {
  readonly settings: Settings;
  /** The settings file, for messages. */
  readonly source: string;
  /** Default: a text. */
  readonly kind?: SaidKind;
  readonly text: string;
  /** A file of this machine that comes along; default: a few invented bytes. */
  readonly file?: string | undefined;
  /** Delivers the callback three times, as the cloud does when it hears nothing. */
  readonly retries?: "identical" | "reencrypted" | undefined;
  /** Errcodes that the first calls of message/send are answered with. */
  readonly faults?: readonly number[];
  readonly userId: string;
  /** How long the answer may take to begin; one that has begun is heard to its end. */
  readonly timeoutMs: number;
  /** Something that the person at the terminal should know meanwhile. */
  readonly notice: (line: string) => void;
}

/** How the conversation went. `ms` runs from the callback to the answer's last byte. */
export type Simulated =
  | {
      readonly kind: "answered";
      readonly answer: string;
      /** How it began; of an intelligent bot, a `stream` that grew, or its long connection. */
      readonly via: "passive" | "message_send" | "stream" | "response_url" | "link";
      readonly parts: number;
      /** Of a stream: how often something new was shown. */
      readonly frames?: number;
      readonly ms: number;
      /** HTTP status of the callback. */
      readonly status: number | undefined;
      /** Of the refusal, when the answer is one. */
      readonly code?: RefusalCode;
    }
  | {
      readonly kind: "unanswered";
      readonly problem: string;
      readonly ms: number;
      readonly status: number | undefined;
      readonly code:
        | "GATEWAY_NOT_RUNNING"
        | "CALLBACK_REFUSED"
        | "REPLY_UNREADABLE"
        | "API_PORT_BUSY"
        | "TIMED_OUT";
    }
  /** An event was taken, and met with silence. */
  | { readonly kind: "acknowledged"; readonly ms: number; readonly status: number | undefined }
  | { readonly kind: "misuse"; readonly problem: string };

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

const misuse = (problem: string): Simulated => ({ kind: "misuse", problem });

/** What is wrong with a simulation, whoever is spoken to; undefined when nothing is. */
export const misuseOf = (simulation: Simulation): string | undefined => {
  const { settings, source, userId, text, kind = "text" } = simulation;
  if (settings.server.port === 0) return `server.port is 0 in ${source}: name the real port`;
  if (!isUserId(userId)) return "--user: expected a userid: letters, digits and _ - @ .";
  if (text !== "" || !needsText(kind)) return undefined;
  return kind === "text" ? "TEXT is empty: WeCom sends no empty text" : `--kind ${kind} needs TEXT`;
};

/** Somebody else is where the gateway sends its calls. */
export const portBusy = (
  address: string,
  setting: "api_base_url" | "bots[].ws_url",
  ms: number,
): Simulated => ({
  kind: "unanswered",
  problem:
    `${address} (channels.wechat_work.${setting}) is taken by another program, ` +
    "perhaps another `clawgate simulate`: end it and try again",
  ms,
  status: undefined,
  code: "API_PORT_BUSY",
});

/** What comes along, or why it cannot. */
export const mediaOf = ({ file }: Simulation): NonNullable<StandInOptions["media"]> | string => {
  const id = `SIMULATED_${randomBytes(8).toString("hex")}`;
  if (file === undefined) return { id, name: "simulated.txt", bytes: Buffer.from("simulated\n") };
  try {
    return { id, name: basename(file), bytes: readFileSync(file) };
  } catch (cause) {
    return `--file ${file}: ${cause instanceof Error ? cause.message : "cannot be read"}`;
  }
};

/** Where later answers arrive; undefined when they go somewhere that is not ours to be. */
export const openApi = async (
  app: WecomApp | undefined,
  apiBaseUrl: string,
  notice: (line: string) => void,
  deadline: AbortSignal,
  options: StandInOptions,
): Promise<StandIn | "busy" | undefined> => {
  const url = new URL(apiBaseUrl);
  const isOurs = url.protocol === "http:" && LOOPBACK.test(url.hostname);
  if (isOurs) return startStandIn(app, url, notice, deadline, options);
  notice(
    `the gateway sends later answers to ${url.origin}, which is not plain HTTP on loopback: ` +
      "waiting for what its responses bring only",
  );
  return undefined;
};

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

const converse = async (
  app: WecomApp,
  { settings, source, userId, retries }: Simulation,
  said: Said,
  api: StandIn | undefined,
  deadline: AbortSignal,
): Promise<Simulated> => {
  const startedAt = performance.now();
  const elapsed = () => Math.round(performance.now() - startedAt);
  const url = callbackUrl(settings.server, app.webhook_path);
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

/** An event that nobody answers by then is met with silence. */
export const SILENCE_MS = 2_000;

const sealedRequest = (app: WecomApp, inner: string): { query: string; body: string } => {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const sealed = seal(inner, app, app.corp_id, timestamp, randomBytes(8).toString("hex"));
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
    const encrypt = field("Encrypt");
    const isSigned = isSignedWith(app.token, {
      encrypt,
      timestamp: field("TimeStamp"),
      nonce: field("Nonce"),
      signature: field("MsgSignature"),
    });
    const opening = open(encrypt, app.encoding_aes_key, app.corp_id);
    return isSigned && opening.isOpen ? textOf(parseXml(opening.text), "Content") : undefined;
  } catch (error) {
    if (error instanceof XmlError) return undefined;
    throw error;
  }
};

/** A refusal ends with its code in brackets; other words in brackets are the answer's own. */
export const codeIn = (answer: string): { code?: RefusalCode } => {
  const code = / \[([A-Z_]+)\]$/.exec(answer)?.[1];
  return code !== undefined && isRefusalCode(code) ? { code } : {};
};

const isRefusalCode = (code: string): code is RefusalCode => Object.hasOwn(REFUSAL_CODES, code);

// Typed so that a code which is missing here does not compile.
const REFUSAL_CODES: Readonly<Record<RefusalCode, true>> = {
  TENANT_UNKNOWN: true,
  TENANT_AMBIGUOUS: true,
  DIRECTORY_UNAVAILABLE: true,
  NOT_PERMITTED: true,
  CONSENT_NEEDED: true,
  KIND_UNSUPPORTED: true,
  MODEL_UNAVAILABLE: true,
  MODEL_TIMEOUT: true,
  MODEL_REFUSED: true,
  PROMPT_TOO_LARGE: true,
  RESIDENCY_REFUSED: true,
  BUDGET_EXCEEDED: true,
  PRICE_UNKNOWN: true,
  RATE_LIMITED: true,
  STEP_LIMIT: true,
  SKILL_NOT_ALLOWED: true,
  SKILL_FAILED: true,
  SKILL_BAD_OUTPUT: true,
  SKILL_TIMEOUT: true,
  SKILL_MEMORY: true,
  SKILL_LIMIT: true,
  SKILL_BLOCKED: true,
  SANDBOX_UNAVAILABLE: true,
  DATA_BLOCKED: true,
  CONTENT_BLOCKED: true,
  CONTENT_HELD: true,
  REVIEW_REJECTED: true,
  REVIEW_EXPIRED: true,
  MODERATION_UNAVAILABLE: true,
  INTERNAL: true,
};
