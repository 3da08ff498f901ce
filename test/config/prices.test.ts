import { describe, expect, it } from "vitest";
import { createPriceBook } from "../../config/price-book.ts";
import { LIST_PRICES } from "../../config/prices.ts";
import { load, problemsOf } from "./workspace.ts";

const TODAY = new Date("2026-03-10T00:00:00Z");
const bookOf = (models: object) => createPriceBook(load({ models }).settings);
const priceIn = (models: object, provider: string, model: string, at = TODAY) =>
  bookOf(models).priceOf(provider, model, at);
const price = (more: object) => ({
  ...{ provider: "openai", model: "m", currency: "USD", valid_from: "2026-01-01" },
  ...{ input_per_million: 1, output_per_million: 2 },
  ...more,
});
const known = (input: number, output: number) => ({
  kind: "known",
  usdPerMillion: { input, output },
});

describe("a price", () => {
  it("of the customer's two models is in the shipped list", () => {
    expect(priceIn({}, "openai", "gpt-4o")).toEqual(known(2.5, 10));
    expect(priceIn({}, "anthropic", "claude-sonnet-4-20250514")).toEqual(known(3, 15));
  });

  it("of the built-in providers is nought", () => {
    expect(priceIn({}, "rules", "")).toEqual(known(0, 0));
    expect(priceIn({}, "echo", "")).toEqual(known(0, 0));
  });

  it("is the one that is valid on the day, in UTC", () => {
    const prices = [
      price({ valid_from: "2026-03-11", input_per_million: 3 }),
      price({ valid_from: "2026-03-01", input_per_million: 2 }),
      price({}),
    ];
    const at = (instant: string) => priceIn({ prices }, "openai", "m", new Date(instant));
    expect(at("2026-02-28T23:59:59Z")).toEqual(known(1, 2));
    expect(at("2026-03-10T23:59:59Z")).toEqual(known(2, 2));
    expect(at("2026-03-11T00:00:00Z")).toEqual(known(3, 2));
    expect(at("2025-12-31T23:59:59Z")).toEqual({
      kind: "unknown",
      missing: "no price of openai/m on 2025-12-31",
    });
  });

  it("of the settings wins over the list's, from its first day on", () => {
    const prices = [price({ model: "gpt-4o", input_per_million: 9 })];
    expect(priceIn({ prices }, "openai", "gpt-4o")).toEqual(known(9, 2));
    const before = new Date("2025-12-31T00:00:00Z");
    expect(priceIn({ prices }, "openai", "gpt-4o", before)).toEqual(known(2.5, 10));
  });

  it("is converted with the settings' rate, and unknown without one", () => {
    const prices = [price({ currency: "CNY", input_per_million: 10, output_per_million: 20 })];
    const converted = priceIn({ prices, exchange_rates: { CNY: 0.14 } }, "openai", "m");
    expect(converted.kind === "known" && converted.usdPerMillion.input).toBeCloseTo(1.4);
    expect(priceIn({ prices }, "openai", "m")).toEqual({
      kind: "unknown",
      missing: "no exchange rate of CNY",
    });
  });

  it("of a vendor is not that of somebody who resells the model under another address", () => {
    const mine = { kind: "openai", base_url: "https://proxy.example.com/v1" };
    expect(priceIn({ providers: { mine } }, "mine", "gpt-4o").kind).toBe("unknown");
    const same = { kind: "openai" };
    expect(priceIn({ providers: { same } }, "same", "gpt-4o")).toEqual(known(2.5, 10));
  });

  it.each(["constructor", "nobody"])("of %s is unknown", (provider) => {
    expect(priceIn({}, provider, "m").kind).toBe("unknown");
  });
});

describe("the shipped list", () => {
  it("has real days, positive prices, and each model once a day", () => {
    const keys = LIST_PRICES.map(({ kind, model, validFrom }) => `${kind} ${model} ${validFrom}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { validFrom, inputPerMillion, outputPerMillion } of LIST_PRICES) {
      expect(new Date(validFrom).toISOString().slice(0, 10)).toBe(validFrom);
      expect(inputPerMillion).toBeGreaterThan(0);
      expect(outputPerMillion).toBeGreaterThanOrEqual(inputPerMillion);
    }
  });
});

describe("settings with a budget", () => {
  const settings = (tenant: object, models: object = {}) => ({
    models,
    multi_tenant: { tenants: [{ id: "a", ...tenant }] },
  });
  const local = { llm_config: { provider: "ollama", model: "llama3" } };
  const about = (...args: Parameters<typeof settings>) =>
    load(settings(...args)).warnings.filter((warning) => warning.includes("PRICE_UNKNOWN"));

  it("warn of a model whose price is unknown, once, and say what to do", () => {
    const budget = { max_api_budget_monthly_usd: 5 };
    expect(about({ ...local, ...budget })).toEqual([
      expect.stringMatching(
        /llm_config\.provider: no price of ollama\/llama3 on .*tenant a has a budget/,
      ),
    ]);
    expect(about(local)).toEqual([]);
    const free = price({ ...local.llm_config, input_per_million: 0, output_per_million: 0 });
    expect(about({ ...local, ...budget }, { prices: [free] })).toEqual([]);
  });
});

describe("settings with agents", () => {
  const problems = (tenant: object) =>
    problemsOf({
      multi_tenant: {
        tenants: [{ id: "a", llm_config: { provider: "openai", model: "gpt-4o" }, ...tenant }],
      },
    });
  const agents = [{ name: "one" }, { name: "two" }];

  it("may not list more than max_agents", () => {
    expect(problems({ max_agents: 2, agents })).toEqual([]);
    expect(problems({ max_agents: 1, agents })).toMatchObject([
      {
        path: "multi_tenant.tenants[0].agents",
        found: "2 agents",
        expected: "at most max_agents, 1",
      },
    ]);
  });

  it("name a model where they name another provider", () => {
    const other = { agents: [{ name: "one", provider: "qwen" }] };
    expect(problems(other).map(({ path }) => path)).toEqual([
      "multi_tenant.tenants[0].agents[0].model",
    ]);
    expect(problems({ agents: [{ name: "one", provider: "openai" }] })).toEqual([]);
    expect(problems({ agents: [{ name: "one", kind: "openclaw" }] })).toEqual([]);
  });

  it("name no model outside the tenant's residency", () => {
    const llm_config = { provider: "ollama", model: "m", data_residency: "on-prem" };
    expect(
      problems({ llm_config, agents: [{ name: "one", provider: "qwen", model: "qwen-plus" }] }),
    ).toMatchObject([{ path: "multi_tenant.tenants[0].agents[0].provider" }]);
    expect(problems({ llm_config, agents: [{ name: "claw", kind: "openclaw" }] })).toEqual([]);
  });
});
