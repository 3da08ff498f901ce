import type Router from "@koa/router";
import type { Context } from "koa";
import { type BodyLimits, readBody } from "../../channels/read-body.ts";
import { PayloadError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import { StoreError } from "../../core/store/errors.ts";
import { ApiError } from "./errors.ts";
import type { Guard } from "./guard.ts";
import type { Answer, Call, Route } from "./route.ts";

const LIMITS: BodyLimits = { maxBytes: 16 * 1024, timeoutMs: 5_000 };

/** Adds the routes of the API: no way leads to one of them but through the guard. */
export const addApiRoutes = (
  router: Router,
  routes: readonly Route[],
  { guard, log }: { readonly guard: Guard; readonly log: Log },
): void => {
  const answer = async (route: Route, ctx: Context): Promise<Answer> => {
    try {
      const { params, query } = ctx;
      let admission = await guard(ctx.req, route.needs);
      const body = await bodyOf(ctx);
      // A body may be held open for seconds, in which its key may have been revoked.
      if (ctx.method === "POST") admission = await guard(ctx.req, route.needs);
      const prefers: Call["prefers"] = (types) => ctx.accepts(...types) || undefined;
      return await route.handle({ ...admission, params, query, body, prefers });
    } catch (cause) {
      const error = asApiError(cause);
      ctx.set(error.headers);
      if (error.status >= 500) {
        log.error({ err: cause, method: ctx.method, route: route.path }, "API request failed");
      }
      return {
        status: error.status,
        body: { error: { code: error.code, message: error.message } },
      };
    }
  };
  for (const route of routes) {
    router[route.method](route.path, async (ctx) => {
      const { status, body, type, headers = {} } = await answer(route, ctx);
      ctx.status = status;
      ctx.set(headers);
      if (type !== undefined) ctx.type = type;
      ctx.set({ "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
      // What was not read of a body must not be taken for a next request.
      if (!ctx.req.complete) ctx.set("Connection", "close");
      ctx.body = body;
    });
  }
};

const bodyOf = async (ctx: Context): Promise<unknown> => {
  const bytes = ctx.method === "POST" ? await readBody(ctx.req, "api", LIMITS) : Buffer.alloc(0);
  if (bytes.length === 0) return {};
  if (!ctx.is("application/json")) {
    throw new ApiError(415, "BAD_REQUEST", "send the body as application/json");
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ApiError(400, "BAD_REQUEST", "body: it is not JSON in UTF-8");
  }
};

const asApiError = (cause: unknown): ApiError => {
  if (cause instanceof ApiError) return cause;
  if (cause instanceof PayloadError) return new ApiError(cause.status, "BAD_REQUEST", cause.reason);
  if (cause instanceof StoreError) {
    return new ApiError(503, "STORE_FAILED", "the store does not answer; try again in a moment");
  }
  return new ApiError(500, "INTERNAL", "something went wrong; the gateway's log says what");
};
