import type { ServerResponse } from "node:http";
import type { Context, Middleware } from "koa";
import type {
  ChannelAdapter,
  Rejection,
  Webhook,
  WebhookRequest,
  WebhookResponse,
} from "../core/contract/channel.ts";
import { PayloadError, SignatureError } from "../core/contract/errors.ts";
import type { Log } from "../core/contract/log.ts";
import { isTraced, trace } from "../core/contract/trace-points.ts";
import { createGate, type GateOptions } from "./gate.ts";
import { type BodyLimits, readBody } from "./read-body.ts";

export interface WebhookOptions {
  readonly log: Log;
  /** Called for every forged or unreadable request; what is logged of them is its affair. */
  readonly onRejected: (rejection: Rejection) => void;
  /** Default: 1 MiB within 5 s. */
  readonly limits?: BodyLimits;
  /** Default: 128 in work, 256 waiting, each for 2.5 s. */
  readonly gate?: GateOptions;
}

const LIMITS: BodyLimits = { maxBytes: 1024 * 1024, timeoutMs: 5_000 };

// So few that those in work are done well within the second that a response is held open for its
// reply, on a slow machine too: a reply that misses it has to be sent, which costs several times as
// much just when there is no time, and then the next ones miss it as well. So many that a process
// acknowledges hundreds a second while every answer takes long: when crowded, it holds none for long.
// Measured: docs/speed.md.
const GATE: GateOptions = { places: 128, waiting: 256, waitMs: 2_500 };

/**
 * Serves the webhook paths of the adapters; every other path is left to the next middleware, its
 * body unread. What is posted while too much is in work waits a little, and beyond that is refused
 * with 503 before anything is read or decrypted, for the platform to deliver it again.
 * Throws RangeError when two adapters want one path.
 */
export const createWebhookMiddleware = (
  adapters: readonly ChannelAdapter[],
  options: WebhookOptions,
): Middleware => {
  const routes = routesOf(adapters);
  const { log, onRejected, limits = LIMITS } = options;
  const gate = createGate(options.gate ?? GATE);

  const putOff = (ctx: Context, channel: string): void => {
    const { "content-length": length } = ctx.headers;
    // A short body is thrown away. To close would cost more: a process takes one new connection in
    // a turn of its event loop, which are long just now.
    if (!(Number(length) <= limits.maxBytes)) ctx.set("Connection", "close");
    ctx.set("Retry-After", "1");
    write(ctx, { status: 503 });
    onRejected({ channel, reason: "OVERLOADED", status: 503 });
  };

  /** One at a place of the gate; undefined when there was none to be had. */
  const serve = async (ctx: Context, channel: string, webhook: Webhook) => {
    // Only messages pass the gate: who verifies a URL by a GET does not come again.
    if (ctx.method !== "POST") return webhook(await readRequest(ctx, channel, limits));
    if (gate.isFull) return undefined;
    const request = await readRequest(ctx, channel, limits);
    // Only now, so that who sends a body slowly keeps nobody else out.
    if (!(await gate.enter())) return undefined;
    try {
      return await webhook({ ...request, isCrowded: gate.isCrowded });
    } finally {
      gate.leave();
    }
  };

  const refuse = (ctx: Context, channel: string, error: unknown): void => {
    if (error instanceof SignatureError || error instanceof PayloadError) {
      const status = error instanceof SignatureError ? 403 : error.status;
      if (status === 405) ctx.set("Allow", "GET, POST");
      // What is still unread of the body must not be taken for a next request.
      if (status === 408 || status === 413 || status === 415) ctx.set("Connection", "close");
      write(ctx, { status });
      onRejected({ channel, reason: error.reason, status });
      return;
    }
    log.error({ channel, err: error, alert: "webhook_failed" }, "webhook failed");
    write(ctx, { status: 500 });
  };

  return async (ctx, next) => {
    const route = routes.get(ctx.path);
    if (!route) return next();
    const { channel, webhook } = route;
    try {
      const response = await serve(ctx, channel, webhook);
      if (!response) return putOff(ctx, channel);
      write(ctx, response);
      if (isTraced()) ctx.res.once("finish", () => trace("acknowledged"));
    } catch (error) {
      refuse(ctx, channel, error);
    }
  };
};

interface Route {
  readonly channel: string;
  readonly webhook: Webhook;
}

const routesOf = (adapters: readonly ChannelAdapter[]): ReadonlyMap<string, Route> => {
  const routes = new Map<string, Route>();
  for (const { name: channel, webhooks } of adapters) {
    for (const [path, webhook] of webhooks) {
      const other = routes.get(path);
      if (other) throw new RangeError(`${other.channel} and ${channel} share the path ${path}`);
      routes.set(path, { channel, webhook });
    }
  }
  return routes;
};

const readRequest = async (
  ctx: Context,
  channel: string,
  limits: BodyLimits,
): Promise<WebhookRequest> => {
  const hungUp = new Promise<void>((resolve) => {
    ctx.res.once("close", () => {
      if (!ctx.res.writableFinished) resolve();
    });
  });
  const { method, querystring: query, headers } = ctx;
  // Only a POST says something in its body; another's is thrown away together with its connection.
  if (method !== "POST" && (headers["content-length"] ?? headers["transfer-encoding"])) {
    ctx.set("Connection", "close");
  }
  const body = method === "POST" ? await readBody(ctx.req, channel, limits) : Buffer.alloc(0);
  return { method, query, headers, body, hungUp };
};

const write = (ctx: Context, response: WebhookResponse): void => {
  ctx.status = response.status;
  // First, or koa would guess one from the body.
  if (response.contentType !== undefined) ctx.set("Content-Type", response.contentType);
  // Not null, which koa would turn into 204.
  ctx.body = response.body ?? "";
  if (response.contentType === undefined) ctx.remove("Content-Type");
  if (response.settled) whenSettled(ctx.res, response.settled);
};

/** Calls back once: true when the last byte went to the network, false when the connection broke. */
const whenSettled = (response: ServerResponse, settled: (isComplete: boolean) => void): void => {
  const onFinish = (): void => {
    response.off("close", onClose);
    settled(true);
  };
  const onClose = (): void => {
    response.off("finish", onFinish);
    settled(false);
  };
  if (response.destroyed || response.closed) settled(false);
  else response.once("finish", onFinish).once("close", onClose);
};
