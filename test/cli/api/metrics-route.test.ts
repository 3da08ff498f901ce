import { expect, it } from "vitest";
import { metricsRoute } from "../../../cli/api/metrics-route.ts";
import type { Call } from "../../../cli/api/route.ts";
import { settingsSchema } from "../../../config/schema.ts";

const setUp = (metrics: object) => {
  let settings = settingsSchema.parse({ monitoring: { metrics } });
  const route = metricsRoute({
    auditLog: {} as never,
    settings: () => settings,
    scrape: async () => "text",
    now: () => new Date(0),
  });
  const call = { operator: { who: "key" } } as unknown as Call;
  const change = (next: object) => {
    settings = settingsSchema.parse({ monitoring: { metrics: next } });
  };
  return { route, change, read: () => route.handle(call) };
};

it("stands where monitoring.metrics.endpoint says", () => {
  expect(setUp({}).route.path).toBe("/metrics");
  expect(setUp({ endpoint: "/intern/figures" }).route.path).toBe("/intern/figures");
});

it("is not there while monitoring.metrics.enabled is false, from the reload on", async () => {
  const { change, read } = setUp({});
  expect(await read()).toMatchObject({ status: 200, body: "text" });
  change({ enabled: false });
  await expect(read()).rejects.toMatchObject({ status: 404, code: "NOT_FOUND" });
  change({});
  expect(await read()).toMatchObject({ status: 200 });
});
