import type { webApi } from "@slack/bolt";
import type { Log } from "../../core/contract/log.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { type ApiOutcome, failed, limited, readAnswer, readStatus } from "./api-outcome.ts";
import { fetchWithoutNulls } from "./fetch-without-nulls.ts";
import { createPost, type HttpAnswer } from "./http.ts";
import { asObject, readObject } from "./json.ts";
import { CHANNEL } from "./types.ts";

/** Slack's Web API. */
export interface WebApi {
  /**
   * Calls a method, e.g. `chat.postMessage`, once, and at most for `timeoutMs`. Arguments that are
   * undefined are left out. Never throws; no call waits for another one.
   * @see https://docs.slack.dev/apis/web-api/
   */
  call(token: string, method: string, args: object, signal: AbortSignal): Promise<ApiOutcome>;
}

export interface WebApiOptions {
  /** With the path of the API, e.g. `https://slack.com/api/`; tokens go there and nowhere else. */
  readonly baseUrl: string;
  readonly log: Log;
  /** Longest that one call may take. Default: 8 s, so that a second try still comes in time. */
  readonly timeoutMs?: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

type Call = WebApi["call"];

/**
 * What is posted for every message goes by the shortest way, which costs an eighth of what Slack's
 * own client does; that client makes all other calls.
 */
export const createWebApi = (options: WebApiOptions): WebApi => {
  const { baseUrl, log, timeoutMs = 8_000, metrics } = options;
  const base = new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`);
  const direct = createDirectCall(base, timeoutMs);
  const byClient = createClientCall(base, timeoutMs, log);
  return {
    call: async (token, method, args, signal) => {
      if (signal.aborted) return { kind: "unreachable", reason: "aborted before the call" };
      const call = method.startsWith("chat.") ? direct : byClient;
      let outcome: ApiOutcome;
      try {
        outcome = await call(token, method, args, signal);
      } catch (error) {
        outcome = failed(error);
      }
      metrics?.apiAnswered(outcome.kind === "error" ? outcome.error : outcome.kind);
      return outcome;
    },
  };
};

const createDirectCall = (base: URL, timeoutMs: number): Call => {
  const post = createPost(timeoutMs);
  const urls = new Map<string, URL>(); // by method

  const urlOf = (method: string): URL => {
    const known = urls.get(method);
    if (known) return known;
    const url = new URL(method, base);
    urls.set(method, url);
    return url;
  };

  return (token, method, args, signal) => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/x-www-form-urlencoded",
      accept: "application/json",
    };
    const request = { url: urlOf(method), headers, body: formOf(args) };
    return post(request, signal).then(answered);
  };
};

const answered = ({ status, text, retryAfter }: HttpAnswer): ApiOutcome => {
  if (status === 200) return readAnswer(readObject(text));
  return status === 429 ? limited(retryAfter) : readStatus(status);
};

/** The arguments as a form; nested values travel as JSON. */
const formOf = (args: object): string => {
  let form = "";
  for (const [name, value] of Object.entries(args)) {
    if (value === undefined) continue;
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    form += `${form === "" ? "" : "&"}${name}=${encodeURIComponent(text)}`;
  }
  return form;
};

/** Clients that are kept; tokens rotate, and a client belongs to one. */
const MAX_CLIENTS = 256;

const createClientCall = (base: URL, timeoutMs: number, log: Log): Call => {
  // A large package, which nobody waits for who does not speak to Slack.
  const loading = import("@slack/bolt").then((bolt) => bolt.webApi);
  loading.catch(() => log.error({ channel: CHANNEL }, "Slack's client cannot be loaded"));
  const clients = new Map<string, webApi.WebClient>();

  const clientOf = async (token: string): Promise<webApi.WebClient> => {
    const { WebClient, LogLevel } = await loading;
    const known = clients.get(token);
    if (known) return known;
    const [oldest] = clients.keys();
    if (clients.size >= MAX_CLIENTS && oldest !== undefined) clients.delete(oldest);
    const client = new WebClient(token, {
      slackApiUrl: base.href,
      // Trying again, and waiting for a limit to pass, is the outbox's business: the client would
      // make all its other calls wait too.
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      timeout: timeoutMs,
      fetch: fetchWithoutNulls,
      logger: silentLogger(log, LogLevel.ERROR),
    });
    clients.set(token, client);
    return client;
  };

  return async (token, method, args, signal) => {
    const answer = clientOf(token)
      .then((client) => client.apiCall(method, { ...args }))
      .then((body) => readAnswer(asObject(body)), outcomeOf);
    return orAborted(answer, signal);
  };
};

/** Slack's client has no signal: its call goes on until its own time is over, and nobody waits. */
const orAborted = (answer: Promise<ApiOutcome>, signal: AbortSignal): Promise<ApiOutcome> => {
  let leave = () => {};
  const left = new Promise<ApiOutcome>((resolve) => {
    leave = () => resolve({ kind: "lost", reason: "aborted" });
  });
  signal.addEventListener("abort", leave, { once: true });
  return Promise.race([answer, left]).finally(() => signal.removeEventListener("abort", leave));
};

/** What Slack's client throws. */
const outcomeOf = (error: unknown): ApiOutcome => {
  const thrown = asObject(error);
  switch (thrown?.code) {
    case "slack_webapi_platform_error":
      return readAnswer(asObject(thrown.data));
    case "slack_webapi_rate_limited_error":
      return limited(String(thrown.retryAfter));
    case "slack_webapi_http_error":
      return readStatus(Number(thrown.statusCode));
    case "slack_webapi_request_error":
      return failed(thrown.original);
    default:
      // The only other thing that it throws is a 429 that does not say how long.
      return /Retry header/.test(String(error)) ? limited(undefined) : failed(error);
  }
};

/** Its lines may hold addresses and texts; only that it has warned is passed on. */
const silentLogger = (log: Log, level: webApi.LogLevel) => ({
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => log.warn({ channel: CHANNEL }, "Slack's client reports an error"),
  setLevel: () => {},
  getLevel: () => level,
  setName: () => {},
});
