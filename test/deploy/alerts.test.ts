import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { settingsSchema } from "../../config/schema.ts";
import { createCounters } from "../../core/delivery/counters.ts";
import { createMetrics } from "../../core/metrics/metrics.ts";
import { createScrape } from "../../core/metrics/scrape.ts";
import { createStoreFigures } from "../../core/metrics/store-figures.ts";
import type { Store } from "../../core/store/store.ts";
import { recordedLog } from "../fakes/log.ts";

const FILE = join(import.meta.dirname, "../../deploy/prometheus/alerts.yml");
const CUSTOMERS = join(import.meta.dirname, "../fixtures/settings/monitoring.json");

const sentence = z.string().min(5);
const rulesSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(["warning", "critical"]) }),
          annotations: z.strictObject({
            summary: sentence,
            summary_zh_hant: sentence,
            summary_zh_hans: sentence,
            action: sentence,
          }),
        }),
      ),
    }),
  ),
});

const rules = () =>
  rulesSchema.parse(parse(readFileSync(FILE, "utf8"))).groups.flatMap((group) => group.rules);

/** A scrape of everything, on a store that holds nothing. */
const scrape = createScrape({
  ...{ metrics: createMetrics(), counters: createCounters(), adapters: new Map(), version: "1" },
  storeFigures: createStoreFigures({
    ...{ store: { read: async () => [] } as unknown as Store, channels: [] },
    ...{ tenants: () => [], now: () => new Date(0), log: recordedLog() },
  }),
  settings: () => settingsSchema.parse({}).monitoring.metrics,
});

describe("the alert rules", () => {
  it("watch only series that a scrape has", async () => {
    const named = [...(await scrape()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name);
    for (const { alert, expr } of rules()) {
      const used = [...expr.matchAll(/clawgate_\w+/g)].map(([name]) =>
        name.replace(/_seconds_(bucket|count|sum)$/, "_seconds"),
      );
      expect({ alert, used: used.filter((name) => !named.includes(name)) }).toEqual({
        ...{ alert, used: [] },
      });
      expect(used.length).toBeGreaterThan(0);
    }
  });

  it("have every condition that the customer's settings name", () => {
    const { monitoring } = settingsSchema.parse(JSON.parse(readFileSync(CUSTOMERS, "utf8")));
    const wanted = monitoring.alerting?.rules ?? [];
    expect(wanted.length).toBeGreaterThan(0);
    for (const { name, severity, for: long } of wanted) {
      const found = rules().find(({ alert }) => alert === name);
      expect([name, found?.labels.severity, found?.for]).toEqual([name, severity, long]);
    }
  });
});
