import { shownBy } from "../../config/custom-metrics.ts";
import type { Settings } from "../../config/schema.ts";
import { exposition } from "./exposition.ts";
import type { Family } from "./family.ts";
import type { CountedMetrics } from "./metrics.ts";
import { type ProcessFiguresParts, processFamilies } from "./process-figures.ts";
import type { StoreFigures } from "./store-figures.ts";

export interface ScrapeParts extends ProcessFiguresParts {
  readonly metrics: CountedMetrics;
  readonly storeFigures: StoreFigures;
  /** The block of this moment. */
  readonly settings: () => Settings["monitoring"]["metrics"];
}

/** Everything that is counted, as the text of one scrape. */
export const createScrape = (parts: ScrapeParts) => async (): Promise<string> => {
  const { metrics, storeFigures, settings } = parts;
  return exposition([
    ...metrics.families(),
    ...customFamilies(metrics, settings().custom_metrics),
    ...(await storeFigures.families()),
    ...processFamilies(parts),
  ]);
};

/** What the customer wants to see under names of their own; what it cannot be, the settings' check says. */
const customFamilies = (
  { shared }: CountedMetrics,
  wanted: Settings["monitoring"]["metrics"]["custom_metrics"],
): readonly Family[] =>
  wanted.flatMap(({ name, type, description }) => {
    const series = shownBy({ name, type });
    if (!series) return [];
    const family = shared[series]();
    return [{ ...family, name, help: description?.trim() ? description : family.help }];
  });
