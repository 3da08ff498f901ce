import { randomBytes, randomInt } from "node:crypto";
import { isSignedWith, open, seal } from "../channels/wecom/envelope.ts";
import { isUserId, type WecomApp } from "../channels/wecom/types.ts";
import { escapeCdata, parseXml, textOf, XmlError } from "../channels/wecom/xml.ts";
import type { Settings } from "../config/schema.ts";
import { wecomApps } from "../config/wecom-apps.ts";
import type { RefusalCode } from "../core/contract/reply.ts";
import { type Posted, postCallback } from "./post-callback.ts";
import { type StandIn, startStandIn } from "./wecom-stand-in.ts";

export interface Simulation {
  readonly settings: Settings;
  /** The settings file, for messages. */
  readonly source: string;
  readonly text: string;
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
      readonly via: "passive" | "message_send";
      readonly parts: number;
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
  | { readonly kind: "misuse"; readonly problem: string };

/** Says one text to the first WeCom application of the running gateway and waits for the answer. */
export const playWecom = async (simulation: Simulation): Promise<Simulated> => {
  const { settings, source, userId, text, timeoutMs, notice } = simulation;
  const [app] = wecomApps(settings);
  const misuse = (problem: string): Simulated => ({ kind: "misuse", problem });
  if (!app) return misuse(`no WeCom application in ${source}: fill in channels.wechat_work`);
  if (settings.server.port === 0)
    return misuse(`server.port is 0 in ${source}: name the real port`);
  if (!isUserId(userId)) return misuse("--user: expected a userid: letters, digits and _ - @ .");
  if (text === "") return misuse("TEXT is empty: WeCom sends no empty messages");

  const deadline = AbortSignal.timeout(timeoutMs);
  const opened = await openApi(app, notice, deadline);
  if (opened === "busy") {
    return {
      kind: "unanswered",
      problem:
        `${app.api_base_url} (channels.wechat_work.api_base_url) is taken by another program, ` +
        "perhaps another `clawgate simulate`: end it and try again",
      ms: timeoutMs,
      status: undefined,
      code: "API_PORT_BUSY",
    };
  }
  try {
    return await converse(app, simulation, opened, deadline);
  } finally {
    await opened?.close();
  }
};

/** Where message/send arrives; undefined when it goes somewhere that is not ours to be. */
const openApi = async (
  app: WecomApp,
  notice: (line: string) => void,
  deadline: AbortSignal,
): Promise<StandIn | "busy" | undefined> => {
  const url = new URL(app.api_base_url);
  const isOurs = url.protocol === "http:" && LOOPBACK.test(url.hostname);
  if (isOurs) return startStandIn(app, url, notice, deadline);
  notice(
    `the gateway sends later answers to ${url.origin}, which is not plain HTTP on loopback: ` +
      "waiting for the passive reply only",
  );
  return undefined;
};

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

const converse = async (
  app: WecomApp,
  { settings, source, userId, text }: Simulation,
  api: StandIn | undefined,
  deadline: AbortSignal,
): Promise<Simulated> => {
  const startedAt = performance.now();
  const elapsed = () => Math.round(performance.now() - startedAt);
  const url = callbackUrl(settings.server, app.webhook_path);
  const inner = innerXml(app, userId, text);
  const posted = await deliver(url, app, inner, settings.server.tls?.cert_file, deadline);
  const status = posted.kind === "response" ? posted.status : undefined;
  const unanswered = (
    code: Extract<Simulated, { kind: "unanswered" }>["code"],
    problem: string,
  ): Simulated => ({ kind: "unanswered", problem, ms: elapsed(), status, code });

  if (posted.kind === "unreachable") {
    const start = source.startsWith("/") ? `npx clawgate start --settings ${source}` : "npm start";
    return unanswered(
      "GATEWAY_NOT_RUNNING",
      `no gateway at ${new URL(url).origin} (${posted.reason}): start it in another terminal: ${start}`,
    );
  }
  if (posted.kind === "response" && posted.status !== 200) {
    return unanswered("CALLBACK_REFUSED", refusalOf(posted.status, source));
  }
  if (posted.kind === "response" && posted.body !== "") {
    const answer = readPassive(app, posted.body);
    if (answer === undefined) {
      return unanswered(
        "REPLY_UNREADABLE",
        `what answered at ${new URL(url).origin} is not this gateway, or it runs with other ` +
          `credentials than ${source}: its reply is not signed and encrypted as WeCom asks`,
      );
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
  const sent = await api?.collect(userId, deadline);
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

const ATTEMPTS = 3;

/** Like the cloud: the same message up to three times, but only while no response comes. */
const deliver = async (
  url: string,
  app: WecomApp,
  inner: string,
  certFile: string | undefined,
  deadline: AbortSignal,
): Promise<Posted> => {
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
  let posted: Posted;
  let attempt = 0;
  do {
    posted = await postCallback(`${url}?${query}`, body, certFile, deadline);
    attempt += 1;
  } while (posted.kind === "lost" && attempt < ATTEMPTS && !deadline.aborted);
  return posted;
};

const innerXml = (app: WecomApp, userId: string, text: string): string =>
  `<xml><ToUserName><![CDATA[${app.corp_id}]]></ToUserName>` +
  `<FromUserName><![CDATA[${userId}]]></FromUserName>` +
  `<CreateTime>${Math.floor(Date.now() / 1000)}</CreateTime>` +
  `<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${escapeCdata(text)}]]></Content>` +
  `<MsgId>${Date.now()}${randomInt(100_000, 1_000_000)}</MsgId>` +
  `<AgentID>${app.agent_id}</AgentID></xml>`;

const callbackUrl = ({ host, port, tls }: Settings["server"], path: string): string => {
  // A listener on every address is reached on loopback.
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `${tls ? "https" : "http"}://${name.includes(":") ? `[${name}]` : name}:${port}${path}`;
};

const refusalOf = (status: number, source: string): string => {
  if (status === 403) {
    return (
      `the gateway refused the signature (HTTP 403): it runs with other credentials than ${source}; ` +
      "run simulate in the gateway's folder or name its settings with --settings"
    );
  }
  if (status === 404) {
    return `the gateway knows no such path (HTTP 404): it runs with other settings than ${source}`;
  }
  return `the gateway answered HTTP ${status}: see its log`;
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
const codeIn = (answer: string): { code?: RefusalCode } => {
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
  KIND_UNSUPPORTED: true,
  MODEL_UNAVAILABLE: true,
  MODEL_TIMEOUT: true,
  STEP_LIMIT: true,
  SKILL_NOT_ALLOWED: true,
  SKILL_FAILED: true,
  SKILL_BAD_OUTPUT: true,
  SKILL_TIMEOUT: true,
  SKILL_MEMORY: true,
  SKILL_LIMIT: true,
  SKILL_BLOCKED: true,
  SANDBOX_UNAVAILABLE: true,
  INTERNAL: true,
};
