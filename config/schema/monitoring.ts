import { z } from "zod";
import { shownBy } from "../custom-metrics.ts";
import { later, text, textLike } from "./marks.ts";

const customMetricSchema = z.strictObject({
  name: textLike("metric name", (value) => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(value)).describe(
    "Name of the metric. Known: `openclaw_agent_response_time_seconds` (histogram), `openclaw_llm_api_cost_usd` and `openclaw_skill_execution_total` (counters); any other has no effect.",
  ),
  type: z.enum(["counter", "gauge", "histogram"]).describe("Type of the metric."),
  description: z.string().optional().describe("Help text of the metric."),
});

const isKnown = (written: unknown): boolean => {
  const { data } = customMetricSchema.safeParse(written);
  return data !== undefined && shownBy(data) !== undefined;
};

const metricsSchema = z.strictObject({
  enabled: z.boolean().default(true).describe("Serves the metrics; `false` answers 404."),
  export: z.literal("prometheus").default("prometheus").describe("Format of the metrics."),
  endpoint: textLike("path that starts with /", (value) => /^(\/[A-Za-z0-9._~-]+)+$/.test(value))
    .default("/metrics")
    .describe("Path of the metrics; asks for a key with `metrics:view`."),
  custom_metrics: z
    .array(later(customMetricSchema, isKnown))
    .default([])
    .describe("What is counted, under names of your own as well."),
});

const alertingSchema = z.strictObject({
  rules: z
    .array(
      z.strictObject({
        name: text().describe("Name of the alert."),
        condition: text().describe("When it fires, e.g. `error_rate > 5%`."),
        for: textLike("duration, e.g. 5m", (value) => /^\d+(s|m|h|d)$/.test(value))
          .optional()
          .describe("How long the condition must hold."),
        severity: z.enum(["info", "warning", "critical"]).optional().describe("How bad it is."),
        notify: z.array(text()).optional().describe("Who is told."),
      }),
    )
    .optional()
    .describe("The alerts."),
});

/** Metrics and alerts. */
export const monitoringSchema = z
  .strictObject({
    metrics: metricsSchema.prefault({}).describe("Metrics; see metrics.md."),
    alerting: later(alertingSchema)
      .optional()
      .describe("Alerts; metrics.md says how Prometheus watches the same conditions."),
  })
  .describe("Metrics and alerts.");
