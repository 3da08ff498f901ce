import { expect, it } from "vitest";
import { type Settings, settingsSchema } from "../../../config/schema.ts";
import { createCounters } from "../../../core/delivery/counters.ts";
import { createMetrics } from "../../../core/metrics/metrics.ts";
import { createScrape } from "../../../core/metrics/scrape.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { readExposition } from "../../fakes/exposition-text.ts";

type Block = Settings["monitoring"]["metrics"];

const setUp = (custom: readonly object[] = []) => {
  const metrics = createMetrics();
  const counters = createCounters();
  let block: Block = settingsSchema.parse({ monitoring: { metrics: { custom_metrics: custom } } })
    .monitoring.metrics;
  const scrape = createScrape({
    ...{ metrics, counters, version: "1.2.3" },
    adapters: new Map([
      ["slack", { fault: () => "PLANTED reason" }],
      ["discord", {}],
    ]),
    storeFigures: { families: async () => [] },
    settings: () => block,
  });
  return { metrics, counters, scrape, change: (next: Block) => (block = next) };
};

const CUSTOMERS = [
  {
    name: "openclaw_agent_response_time_seconds",
    type: "histogram",
    description: "Agent 回應時間",
  },
  { name: "openclaw_llm_api_cost_usd", type: "counter", description: "LLM API 費用累計" },
  { name: "openclaw_skill_execution_total", type: "counter", description: " " },
];

it("shows the customer's metrics under their names, with their help, beside ours", async () => {
  const { metrics, scrape } = setUp(CUSTOMERS);
  const sales = tenantScope("sales");
  metrics.turnEnded(sales, "slack", { kind: "text", markdown: "" }, 1, 1_500);
  metrics.modelAsked(sales, "claude", "OK", 10, 0.75);
  metrics.skillRan(sales, "calculator", "OK", 10);
  const text = await scrape();
  const samples = readExposition(text);
  for (const [name, labels, value] of [
    ["openclaw_agent_response_time_seconds_sum", { channel: "slack" }, 1.5],
    ["clawgate_turn_seconds_sum", { channel: "slack" }, 1.5],
    ["openclaw_llm_api_cost_usd", { tenant: "sales", provider: "claude" }, 0.75],
    ["openclaw_skill_execution_total", { tenant: "sales", skill: "calculator", verdict: "OK" }, 1],
  ] as const) {
    expect(samples).toContainEqual({ name, labels, value });
  }
  expect(text).toContain("# HELP openclaw_agent_response_time_seconds Agent 回應時間\n");
  expect(text).toContain("# TYPE openclaw_llm_api_cost_usd counter\n");
  expect(text).toMatch(/^# HELP openclaw_skill_execution_total Calls of skills/m);
});

it("shows the names of the moment, and none that says nothing", async () => {
  const { metrics, scrape, change } = setUp([
    { name: "my_own", type: "gauge" },
    CUSTOMERS[1] ?? {},
  ]);
  metrics.modelAsked(tenantScope("sales"), "claude", "OK", 10, 1);
  expect(await scrape()).not.toContain("my_own");
  change(settingsSchema.parse({}).monitoring.metrics);
  expect(await scrape()).not.toContain("openclaw_");
});

it("says which channel an operator has to look at, and not why", async () => {
  const { scrape, counters } = setUp();
  counters.deadLetters = 3;
  const text = await scrape();
  const samples = readExposition(text);
  const of = (name: string) => samples.filter((sample) => sample.name === name);
  expect(of("clawgate_channel_faulty").map(({ labels, value }) => [labels.channel, value])).toEqual(
    [
      ["slack", 1],
      ["discord", 0],
    ],
  );
  expect(of("clawgate_dead_letters_total")).toMatchObject([{ value: 3 }]);
  expect(of("clawgate_build_info")).toMatchObject([{ labels: { version: "1.2.3" }, value: 1 }]);
  expect(of("process_resident_memory_bytes")[0]?.value).toBeGreaterThan(1e6);
  expect(text).not.toContain("PLANTED");
});
