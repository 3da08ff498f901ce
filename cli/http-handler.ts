import type { RequestListener } from "node:http";
import Router from "@koa/router";
import Koa from "koa";
import { createWebhookListener } from "../channels/http.ts";
import type { Rejection } from "../core/contract/channel.ts";
import type { CountedMetrics } from "../core/metrics/metrics.ts";
import { createScrape } from "../core/metrics/scrape.ts";
import { createStoreFigures } from "../core/metrics/store-figures.ts";
import { createRejectionRecorder } from "../core/rejections.ts";
import { PLATFORM_SCOPE } from "../core/store/scope.ts";
import { type ApiParts, addApi } from "./api/api.ts";
import { addHealthRoutes, type HealthParts } from "./health.ts";
import { version } from "./package-root.ts";

export interface HttpHandlerParts extends Omit<ApiParts, "scrape">, HealthParts {
  readonly metrics: CountedMetrics;
  /** Whether platforms reach this process. */
  readonly isGateway: boolean;
}

/** Answers requests: health, the operators' API and, where platforms reach this process, webhooks. */
export const createHttpHandler = (parts: HttpHandlerParts): RequestListener => {
  const { adapters, auditLog, counters, metrics, settings, store, log, now } = parts;
  const router = new Router();
  addHealthRoutes(router, parts);
  const scrape = createScrape({
    metrics,
    counters,
    adapters,
    version: version(),
    storeFigures: createStoreFigures({
      store,
      now,
      log,
      channels: [...adapters.keys()],
      tenants: () => settings().multi_tenant.tenants,
    }),
    settings: () => settings().monitoring.metrics,
  });
  addApi(router, { ...parts, scrape });
  const app = new Koa();
  app.on("error", (cause) => log.error({ err: cause }, "request failed"));
  app.use(router.routes());
  const others = app.callback();
  if (!parts.isGateway) return others;

  const recordRejection = createRejectionRecorder(auditLog, log, now);
  const onRejected = (rejection: Rejection) => {
    if (rejection.status === 503) counters.putOff++;
    recordRejection(rejection);
  };
  const metricsOf = (channel: string) => metrics.ofChannel(PLATFORM_SCOPE, channel);
  // Past koa, which costs a message as much as decrypting it does.
  return createWebhookListener([...adapters.values()], { log, onRejected, metricsOf }, others);
};
