import { describe, expect, it } from "vitest";
import { load, problemsOf } from "./workspace.ts";

const metrics = (block: object) => ({ monitoring: { metrics: block } });

const paths = (written: object): readonly string[] =>
  problemsOf(written, {}).map(({ path }) => path);

const custom = (...metric: readonly object[]) => metrics({ custom_metrics: metric });

describe("metrics in the settings", () => {
  it("are served at /metrics where nothing is said", () => {
    expect(load({}, {}).settings.monitoring.metrics).toEqual({
      ...{ enabled: true, export: "prometheus", endpoint: "/metrics", custom_metrics: [] },
    });
  });

  it.each(["/api", "/api/keys", "/api/own"])("may not lie at %s, where the API is", (endpoint) => {
    expect(paths(metrics({ endpoint }))).toEqual(["monitoring.metrics.endpoint"]);
  });

  it("may lie elsewhere, and then no webhook may", () => {
    const discord = { public_key: "ab".repeat(32), mode: "interactions", application_id: "1" };
    const written = (webhook_path: string) => ({
      ...metrics({ endpoint: "/intern/figures" }),
      channels: { discord: { ...discord, webhook_path } },
    });
    expect(paths(written("/intern/figures"))).toEqual(["channels.discord.webhook_path"]);
    expect(paths(written("/intern/other"))).toEqual([]);
  });

  it("take a name of the customer's once", () => {
    const cost = { name: "openclaw_llm_api_cost_usd", type: "counter" };
    expect(paths(custom(cost, cost))).toEqual(["monitoring.metrics.custom_metrics[1].name"]);
  });

  it("say which names of the customer's have no effect", () => {
    const { notEnforced } = load(
      custom(
        { name: "openclaw_skill_execution_total", type: "counter" },
        { name: "openclaw_skill_execution_total_of_mine", type: "counter" },
        { name: "openclaw_llm_api_cost_usd", type: "histogram" },
      ),
      {},
    );
    expect(notEnforced).toEqual([
      "monitoring.metrics.custom_metrics[1]",
      "monitoring.metrics.custom_metrics[2]",
    ]);
  });
});
