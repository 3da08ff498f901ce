import { createChildren } from "./children.ts";
import type { HistogramFamily, SimpleFamily } from "./family.ts";

/** A number that only grows, for each combination of labels. */
export interface Counter {
  add(amount: number, a?: string, b?: string, c?: string, d?: string, e?: string): void;
  family(): SimpleFamily;
}

/** How long things took, for each combination of at most two labels. */
export interface Histogram {
  observe(ms: number, a?: string, b?: string): void;
  /** In seconds. */
  family(): HistogramFamily;
}

export const createCounter = (about: Pick<SimpleFamily, "name" | "help" | "labels">): Counter => {
  const cells = createChildren(() => ({ value: 0 }));
  return {
    add: (amount, a, b, c, d, e) => {
      cells.of(a, b, c, d, e).value += amount;
    },
    family: () => ({
      ...about,
      type: "counter",
      samples: [...cells.entries()].map(([values, { value }]) => ({
        values: values.slice(0, about.labels.length),
        value,
      })),
    }),
  };
};

export const createHistogram = (
  about: Pick<HistogramFamily, "name" | "help" | "labels" | "bounds">,
): Histogram => {
  const { bounds } = about;
  const cells = createChildren(() => ({
    counts: new Array<number>(bounds.length + 1).fill(0),
    sum: 0,
  }));
  return {
    observe: (ms, a, b) => {
      // A clock that is set back makes no time negative.
      const seconds = Math.max(0, ms) / 1000;
      let bucket = 0;
      while (seconds > (bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
      const cell = cells.of(a, b);
      cell.counts[bucket] = (cell.counts[bucket] ?? 0) + 1;
      cell.sum += seconds;
    },
    family: () => ({
      ...about,
      type: "histogram",
      samples: [...cells.entries()].map(([values, { counts, sum }]) => ({
        values: values.slice(0, about.labels.length),
        counts: [...counts],
        sum,
      })),
    }),
  };
};
