import { describe, expect, it } from "vitest";
import { PRESETS } from "../../config/presets.ts";
import { load, problemsOf } from "./workspace.ts";

const tenantWith = (provider: string, model?: string) => ({
  multi_tenant: { tenants: [{ id: "a", llm_config: { provider, ...(model && { model }) } }] },
});
const aboutModels = (warnings: readonly string[]) =>
  warnings.filter((warning) => /llm_config|models/.test(warning));

describe("providers", () => {
  it("exist without being declared when they bear a preset's name", () => {
    const { providers, warnings, settings } = load(tenantWith("deepseek", "deepseek-chat"), {
      DEEPSEEK_API_KEY: "sk-1",
    });
    expect(providers.get("deepseek")).toEqual({
      name: "deepseek",
      kind: "deepseek",
      wire: "openai",
      region: "cn",
      baseUrl: "https://api.deepseek.com/v1",
      needsKey: true,
      apiKey: "sk-1",
    });
    expect(settings.models.providers.deepseek?.api_key).toBe("sk-1");
    expect(aboutModels(warnings)).toEqual([]);
  });

  it.each([{}, { OPENAI_API_KEY: "" }])("load with a warning when the key is missing", (env) => {
    const { providers, warnings } = load(tenantWith("openai", "gpt-4o"), env);
    expect(providers.get("openai")).not.toHaveProperty("apiKey");
    expect(aboutModels(warnings)).toEqual([
      "multi_tenant.tenants[0].llm_config.provider: openai has no API key: asking it is refused (MODEL_UNAVAILABLE)",
    ]);
  });

  it("are asked in the vendor's own way where there is one", () => {
    const { providers, warnings, notEnforced } = load(
      tenantWith("anthropic", "claude-sonnet-4-20250514"),
      { ANTHROPIC_API_KEY: "k" },
    );
    expect(providers.get("anthropic")).toMatchObject({ wire: "anthropic", apiKey: "k" });
    expect([...aboutModels(warnings), ...notEnforced]).toEqual([]);
  });

  it("are an error when neither declared nor a preset", () => {
    expect(problemsOf(tenantWith("open-ai", "gpt-4o"))).toEqual([
      expect.objectContaining({
        path: "multi_tenant.tenants[0].llm_config.provider",
        found: '"open-ai", a provider that does not exist',
        expected: "openai (did you mean it?)",
      }),
    ]);
    expect(problemsOf(tenantWith("constructor", "m"))).toHaveLength(1);
  });

  it("need a model, unless they are built in", () => {
    expect(problemsOf(tenantWith("rules"))).toEqual([]);
    expect(problemsOf(tenantWith("echo"))).toEqual([]);
    expect(problemsOf(tenantWith("openai")).map(({ path }) => path)).toEqual([
      "multi_tenant.tenants[0].llm_config.model",
    ]);
  });

  it("do not get a preset's usual key for another address", () => {
    const own = { models: { providers: { openai: { base_url: "https://proxy.example.com/v1" } } } };
    const { providers } = load(own, { OPENAI_API_KEY: "sk-1" });
    expect(providers.get("openai")).not.toHaveProperty("apiKey");
  });

  it("get the usual key when only declared, and their own when they have one", () => {
    const declared = (provider: object) =>
      load(
        { models: { providers: { mine: { kind: "openai", ...provider } } } },
        { OPENAI_API_KEY: "usual" },
      ).providers.get("mine")?.apiKey;
    expect(declared({})).toBe("usual");
    expect(declared({ api_key: "own" })).toBe("own");
    expect(declared({ api_key: "own", base_url: "https://x.example.com/v1" })).toBe("own");
  });

  it("need a key of NVIDIA's catalogue, but not of a container of one's own", () => {
    const own = { kind: "nim", base_url: "http://nim.company.internal:8000/v1", region: "on-prem" };
    const { providers } = load({ models: { providers: { own, nim: {} } } });
    expect(providers.get("own")?.needsKey).toBe(false);
    expect(providers.get("nim")?.needsKey).toBe(true);
  });

  it("need a kind when their name is no preset's, and keep the built-in names", () => {
    expect(problemsOf({ models: { providers: { mine: {} } } }).map(({ path }) => path)).toEqual([
      "models.providers.mine.kind",
    ]);
    expect(problemsOf({ models: { providers: { rules: { kind: "openai" } } } })).toHaveLength(1);
  });

  it("are complete for what is built in, without any settings", () => {
    const { providers } = load({});
    expect([...providers.keys()]).toEqual(["rules", "echo"]);
    expect(providers.get("rules")).toMatchObject({
      wire: "rules",
      region: "on-prem",
      needsKey: false,
    });
  });

  it("lie abroad, in China or on this machine as their preset's address says", () => {
    for (const [kind, { region, baseUrl }] of Object.entries(PRESETS)) {
      const isHere = baseUrl === undefined || new URL(baseUrl).hostname === "127.0.0.1";
      expect([kind, region === "on-prem"]).toEqual([kind, isHere]);
    }
  });
});
