import { z } from "zod";
import { later, text, textLike } from "./marks.ts";

const metricsSchema = z.strictObject({
  enabled: z.boolean().default(true).describe("Switches metrics on."),
  export: z.literal("prometheus").optional().describe("Format of the metrics."),
  endpoint: textLike("path that starts with /", (value) => /^(\/[A-Za-z0-9._~-]+)+$/.test(value))
    .optional()
    .describe("Path of the metrics."),
  custom_metrics: z
    .array(
      z.strictObject({
        name: textLike("metric name", (value) => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(value)).describe(
          "Name of the metric.",
        ),
        type: z.enum(["counter", "gauge", "histogram"]).describe("Type of the metric."),
        description: z.string().optional().describe("Help text of the metric."),
      }),
    )
    .optional()
    .describe("Metrics under names of your own."),
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
    metrics: later(metricsSchema).optional().describe("Metrics."),
    alerting: later(alertingSchema).optional().describe("Alerts."),
  })
  .describe("Metrics and alerts.");
