import type { ServerResponse } from "node:http";
import type { Context, Middleware } from "koa";
import type {
  ChannelAdapter,
  Rejection,
  Webhook,
  WebhookResponse,
} from "../core/contract/channel.ts";
import { PayloadError, SignatureError } from "../core/contract/errors.ts";
import type { Log } from "../core/contract/log.ts";
import { isTraced, trace } from "../core/contract/trace-points.ts";
import { type BodyLimits, readBody } from "./read-body.ts";

export interface WebhookOptions {
  readonly log: Log;
  /** Called for every forged or unreadable request; what is logged of them is its affair. */
  readonly onRejected: (rejection: Rejection) => void;
  /** Default: 1 MiB within 5 s. */
  readonly limits?: BodyLimits;
}

const LIMITS: BodyLimits = { maxBytes: 1024 * 1024, timeoutMs: 5_000 };

/**
 * Serves the webhook paths of the adapters; every other path is left to the next middleware, its
 * body unread. Throws RangeError when two adapters want one path.
 */
export const createWebhookMiddleware = (
  adapters: readonly ChannelAdapter[],
  options: WebhookOptions,
): Middleware => {
  const routes = routesOf(adapters);
  const { log, onRejected, limits = LIMITS } = options;

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
      write(ctx, await callWebhook(ctx, channel, webhook, limits));
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

const callWebhook = async (
  ctx: Context,
  channel: string,
  webhook: Webhook,
  limits: BodyLimits,
): Promise<WebhookResponse> => {
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
  return webhook({ method, query, headers, body, hungUp });
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
