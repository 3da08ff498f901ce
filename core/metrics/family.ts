/** A series of figures as a scrape shows it, with one sample for each combination of its labels. */
export type Family = SimpleFamily | HistogramFamily;

interface About {
  /** As Prometheus wants names: https://prometheus.io/docs/practices/naming/ */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** One number for each combination. */
export interface SimpleFamily extends About {
  readonly type: "counter" | "gauge";
  readonly samples: readonly {
    /** In the order of `labels`. */
    readonly values: readonly string[];
    readonly value: number;
  }[];
}

/** How often something took how long. */
export interface HistogramFamily extends About {
  readonly type: "histogram";
  /** Upper ends of the buckets, rising, without the last one, which has no end. */
  readonly bounds: readonly number[];
  readonly samples: readonly {
    readonly values: readonly string[];
    /** How many fell into each bucket, not added up; one more than there are bounds. */
    readonly counts: readonly number[];
    readonly sum: number;
  }[];
}
