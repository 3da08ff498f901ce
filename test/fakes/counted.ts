import type { CountedMetrics } from "../../core/metrics/metrics.ts";

/** The samples of a series that is no histogram, each as its label values and the figure. */
export const counted = (metrics: CountedMetrics, name: string) =>
  metrics
    .families()
    .filter((family) => family.name === name)
    .flatMap((family) => (family.type === "histogram" ? [] : family.samples))
    .map(({ values, value }) => [...values, value]);
