import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Family, HistogramFamily, SimpleFamily } from "./family.ts";

/** What a scraper is told that `exposition` gives it. */
export const EXPOSITION_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * The text of a scrape. Throws where two families have the same name.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export const exposition = (families: readonly Family[]): Promise<string> => {
  const registry = new Registry();
  for (const family of families) {
    if (family.type === "histogram") registry.registerMetric(new KeptHistogram(family));
    else addSimple(registry, family);
  }
  return registry.metrics();
};

const addSimple = (registry: Registry, family: SimpleFamily): void => {
  const { name, help, labels, type, samples } = family;
  const options = { name, help, labelNames: labels, registers: [registry] };
  const metric = type === "counter" ? new Counter(options) : new Gauge(options);
  for (const { values, value } of samples) {
    if (labels.length === 0) metric.inc(value);
    else metric.inc(labelled(labels, values), value);
  }
};

const labelled = (
  names: readonly string[],
  values: readonly string[],
): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));

/** A histogram that was counted elsewhere: prom-client's own takes observations one by one only. */
class KeptHistogram extends Histogram {
  readonly #family: HistogramFamily;
  readonly #empty: Histogram;

  constructor(family: HistogramFamily) {
    const { name, help, labels, bounds } = family;
    const options = { name, help, labelNames: labels, buckets: [...bounds], registers: [] };
    super(options);
    this.#family = family;
    this.#empty = new Histogram(options);
  }

  override async get() {
    const { name, labels, bounds, samples } = this.#family;
    const values = samples.flatMap(({ values: own, counts, sum }) => {
      const of = labelled(labels, own);
      let count = 0;
      const buckets = counts.map((inBucket, index) => {
        count += inBucket;
        const le = bounds[index] ?? "+Inf";
        return { metricName: `${name}_bucket`, labels: { ...of, le }, value: count };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels: of, value: sum },
        { metricName: `${name}_count`, labels: of, value: count },
      ];
    });
    return { ...(await this.#empty.get()), values };
  }

  /** What prom-client's registry asks for in place of `get`. */
  getForPromString() {
    return this.get();
  }
}
