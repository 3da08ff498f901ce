import type {
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestListener,
  ServerResponse,
} from "node:http";
import type {
  ChannelAdapter,
  Rejection,
  Webhook,
  WebhookRequest,
  WebhookResponse,
} from "../core/contract/channel.ts";
import { PayloadError, SignatureError } from "../core/contract/errors.ts";
import type { Log } from "../core/contract/log.ts";
import { type ChannelMetrics, NO_CHANNEL_METRICS } from "../core/contract/metrics.ts";
import { isTraced, trace } from "../core/contract/trace-points.ts";
import { createBusy } from "./busy.ts";
import { createGate, type GateOptions } from "./gate.ts";
import { type BodyLimits, readBody } from "./read-body.ts";

export interface WebhookOptions {
  readonly log: Log;
  /** Called for every forged or unreadable request; what is logged of them is its affair. */
  readonly onRejected: (rejection: Rejection) => void;
  /** What counts a channel's requests. Default: nobody counts. */
  readonly metricsOf?: (channel: string) => ChannelMetrics;
  /** Default: 1 MiB within 5 s. */
  readonly limits?: BodyLimits;
  /** Default: 128 in work, 32 while busy and new connections come, 1024 waiting, each for 2.5 s. */
  readonly gate?: GateOptions;
}

const LIMITS: BodyLimits = { maxBytes: 1024 * 1024, timeoutMs: 5_000 };

// So many that a process acknowledges hundreds a second while every answer takes long: when crowded,
// it holds none for long.
// While the process is busy and new connections come, so few that those in work are done well within
// the time that a response is held open for its reply: a reply that misses it has to be sent, which
// costs several times as much just when there is no time, and then the next ones miss it as well.
// And so few that turns of the event loop stay short: in each one connection is accepted, and what
// waits unaccepted is not known here, so it can neither be told to come again nor be left out once it
// hung up. What comes over kept connections is known: there fewer places only make smaller commits.
// Measured: docs/speed.md.
// Who waits costs nothing but their body, and whoever is refused may never come again; beyond the
// longest wait nobody is served in time, so more than come in it are refused at once.
const GATE: GateOptions = { places: 128, busyPlaces: 32, waiting: 1_024, waitMs: 2_500 };

/**
 * Serves the webhook paths of the adapters; every other path is left to `others`, its body unread.
 * What is posted while too much is in work waits a little, and beyond that is refused with 503
 * before anything is read or decrypted, for the platform to deliver it again.
 * Throws RangeError when two adapters want one path.
 */
export const createWebhookListener = (
  adapters: readonly ChannelAdapter[],
  options: WebhookOptions,
  others: RequestListener,
): RequestListener => {
  const { log, onRejected, metricsOf = () => NO_CHANNEL_METRICS, limits = LIMITS } = options;
  const routes = routesOf(adapters, metricsOf);
  const gate = createGate(options.gate ?? GATE, createBusy());

  /** One at a place of the gate; undefined when there was none to be had. */
  const serve = async (
    { channel, webhook }: Route,
    query: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<WebhookResponse | undefined> => {
    // Only messages pass the gate: who verifies a URL by a GET does not come again.
    if (request.method !== "POST") {
      return await webhook(new Received(request, response, query, NO_BODY, false));
    }
    gate.arrive(request.socket);
    if (gate.isFull) return undefined;
    const body = await readBody(request, channel, limits);
    // Only now, so that who sends a body slowly keeps nobody else out.
    if (!gate.enter() && !(await gate.wait())) return undefined;
    try {
      // Who hung up while they waited comes again; work on them would make others hang up as well.
      if (response.destroyed) return undefined;
      return await webhook(new Received(request, response, query, body, gate.isCrowded));
    } finally {
      gate.leave();
    }
  };

  const putOff = (
    { channel, metrics }: Route,
    request: IncomingMessage,
    response: ServerResponse,
  ): void => {
    metrics.told("unread", "gate", "put_off");
    // A short body is thrown away. To close would cost more: a process takes one new connection in
    // a turn of its event loop, which are long just now.
    const isShort = Number(request.headers["content-length"]) <= limits.maxBytes;
    write(response, { status: 503 }, { ...RETRY_SOON, ...(isShort ? {} : CLOSE) });
    onRejected({ channel, reason: "OVERLOADED", status: 503 });
  };

  const refuse = (
    { channel, metrics }: Route,
    request: IncomingMessage,
    response: ServerResponse,
    error: unknown,
  ): void => {
    if (error instanceof SignatureError || error instanceof PayloadError) {
      const { status } = error;
      if (status === 413 || status === 415) {
        refuseUnread(request, response, status, limits.timeoutMs);
      } else {
        write(response, { status }, status === 408 ? CLOSE : status === 405 ? ALLOWED : {});
      }
      if (error instanceof SignatureError) metrics.refused("verify", error.reason);
      else metrics.refused("read", `HTTP_${status}`);
      onRejected({ channel, reason: error.reason, status });
      return;
    }
    metrics.told("unread", "answer", "failed");
    log.error({ channel, err: error, alert: "webhook_failed" }, "webhook failed");
    write(response, { status: 500 });
  };

  const handle = async (
    route: Route,
    query: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const arrivedAt = performance.now();
    try {
      const answer = await serve(route, query, request, response);
      if (!answer) return putOff(route, request, response);
      if (isTraced()) response.once("finish", () => trace("acknowledged"));
      // Only a POST says something in its body; another's is thrown away together with its connection.
      write(response, answer, request.method !== "POST" && hasBody(request) ? CLOSE : {});
      if (request.method !== "POST") route.metrics.told("verification", "verify", "answered");
      else if (answer.status < 300) route.metrics.acknowledged(performance.now() - arrivedAt);
    } catch (error) {
      refuse(route, request, response, error);
    }
  };

  return (request, response) => {
    const target = (request.url ?? "").replace(ORIGIN, "");
    const pathEnd = target.indexOf("?");
    const route = routes.get(pathEnd < 0 ? target : target.slice(0, pathEnd));
    if (!route) return others(request, response);
    void handle(route, pathEnd < 0 ? "" : target.slice(pathEnd + 1), request, response);
  };
};

interface Route {
  readonly channel: string;
  readonly webhook: Webhook;
  readonly metrics: ChannelMetrics;
}

const routesOf = (
  adapters: readonly ChannelAdapter[],
  metricsOf: (channel: string) => ChannelMetrics,
): ReadonlyMap<string, Route> => {
  const routes = new Map<string, Route>();
  for (const { name: channel, webhooks } of adapters) {
    const metrics = metricsOf(channel);
    for (const [path, webhook] of webhooks) {
      const other = routes.get(path);
      if (other) throw new RangeError(`${other.channel} and ${channel} share the path ${path}`);
      routes.set(path, { channel, webhook, metrics });
    }
  }
  return routes;
};

// A proxy may send the whole URL. https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
const ORIGIN = /^https?:\/\/[^/?]*/i;
const NO_BODY = Buffer.alloc(0);
const CLOSE = { Connection: "close" };
const RETRY_SOON = { "Retry-After": "1" };
const ALLOWED = { Allow: "GET, POST" };

const hasBody = ({ headers }: IncomingMessage): boolean =>
  (headers["content-length"] ?? headers["transfer-encoding"]) !== undefined;

/** A request whose body is read. */
class Received implements WebhookRequest {
  readonly method: string;
  readonly headers: WebhookRequest["headers"];
  readonly #response: ServerResponse;
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    readonly query: string,
    readonly body: Buffer,
    readonly isCrowded: boolean,
  ) {
    this.method = request.method ?? "";
    this.headers = request.headers;
    this.#response = response;
  }

  /** Listens from when it is first asked for: most requests are over without. */
  get hungUp(): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      const look = (): void => {
        if (!response.writableFinished) resolve();
      };
      if (response.closed) look();
      else response.once("close", look);
    });
  }
}

const write = (
  response: ServerResponse,
  { status, contentType, headers: own, body = "", settled }: WebhookResponse,
  headers: Readonly<Record<string, string>> = {},
): void => {
  if (settled) whenSettled(response, settled);
  if (response.destroyed) return;
  const head: OutgoingHttpHeaders = Object.assign({}, headers, own);
  if (contentType !== undefined) head["Content-Type"] = contentType;
  head["Content-Length"] = Buffer.byteLength(body);
  response.writeHead(status, head).end(body);
};

/**
 * Refuses a body that is still arriving, and throws its rest away for a while: who writes all of it
 * before reading would find a reset instead of the answer. Closes, so that nothing of it is taken
 * for a next request.
 */
const refuseUnread = (
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  lingerMs: number,
): void => {
  if (response.destroyed) return;
  response.writeHead(status, { ...CLOSE, "Content-Length": 0 });
  response.flushHeaders();
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  request.once("end", end).once("close", end).resume();
};

/** Calls back once: true when the last byte went to the network, false when the connection broke. */
const whenSettled = (response: ServerResponse, settled: (isComplete: boolean) => void): void => {
  if (response.destroyed || response.closed) {
    settled(false);
    return;
  }
  let isSettled = false;
  const once = (isComplete: boolean): void => {
    if (isSettled) return;
    isSettled = true;
    settled(isComplete);
  };
  response.on("finish", () => once(true)).on("close", () => once(false));
};
