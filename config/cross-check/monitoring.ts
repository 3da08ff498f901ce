import { type Draft, itemsOf } from "../draft.ts";
import type { Report } from "../report.ts";
import { createUniqueCheck } from "./unique.ts";

/** The path of metrics is nobody else's, and no metric is there twice. */
export const checkMonitoring = ({ monitoring }: Draft, report: Report): void => {
  const { endpoint, custom_metrics } = monitoring?.metrics ?? {};
  if (endpoint !== undefined && /^\/api(\/|$)/.test(endpoint)) {
    const found = `${endpoint}, below which the gateway serves its API`;
    report.problem(["monitoring", "metrics", "endpoint"], found, "another path");
  }
  const sameName = createUniqueCheck(report, "metric name");
  for (const [index, metric] of itemsOf(custom_metrics)) {
    if (metric.name === undefined) continue;
    sameName(metric.name, ["monitoring", "metrics", "custom_metrics", index, "name"]);
  }
};
