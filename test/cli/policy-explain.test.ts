import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { explainPolicy } from "../../cli/policy-explain.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { createIo } from "./captured-io.ts";

const folder = temporaryFolder();

const SETTINGS = {
  multi_tenant: {
    tenants: [
      {
        id: "sales",
        name: "Sales\u001b[2J",
        bindings: [{ channel: "slack", workspace: "T1", department: "Sales" }],
        allowed_skills: ["*"],
        blocked_skills: ["shell"],
        llm_config: { provider: "qwen", model: "qwen-plus", data_residency: "domestic" },
        max_api_budget_monthly_usd: 50,
        lexicons: ["words", "gone"],
        dlp: { detectors: { email: { out: "allow" } } },
        links: { allowed_domains: ["company.com"] },
        data_retention_days: 30,
      },
      { id: "bare" },
      {
        id: "careful",
        llm_config: {
          provider: "openai",
          model: "gpt-4o",
          sensitive: { provider: "ollama", model: "own" },
        },
      },
    ],
  },
  moderation: {
    lexicons: [
      { name: "words", file: "words.json" },
      { name: "gone", file: "gone.json" },
    ],
  },
  enterprise: {
    data_loss_prevention: { rules: [{ name: "staff", pattern: "EMP-\\d+", action: "block" }] },
  },
};

const explain = (tenant: string, json = false, more: object = {}) => {
  writeFileSync(join(folder.path, "settings.json"), JSON.stringify({ ...SETTINGS, ...more }));
  const terms = [
    { id: "a", term: "casino", action: "block" },
    { id: "b", term: "heroin", action: "mask" },
  ];
  writeFileSync(join(folder.path, "words.json"), JSON.stringify({ terms }));
  const { io, out, err } = createIo(folder.path);
  const code = explainPolicy(io, tenant, { settings: "settings.json", json });
  return { code, out: out(), err: err() };
};

describe("policy explain", () => {
  it("says in plain words who, what and where to", () => {
    const { code, out } = explain("sales");
    expect(code).toBe(0);
    for (const line of [
      "slack T1, department Sales",
      "blocked: shell",
      "llm_config: qwen qwen-plus, in region cn",
      "50 US dollars a month",
      "credit_card: block / block",
      "email: redact / allow",
      "rule staff: block / block",
      "to company.com only",
      "lexicon words: 1 terms block, 0 ask for a review, 1 are masked",
      "lexicon gone: no such file; nothing passes without it",
      "30 days",
      // A budget is held to the usual length of an answer where nothing says another one.
      "8192 tokens an answer",
    ]) {
      expect(out).toContain(line);
    }
    expect(out).not.toContain("\u001b");
  });

  it("says of a tenant about which nothing is said what applies all the same", () => {
    const { out } = explain("bare");
    expect(out).toContain("nobody: the tenant has no bindings");
    expect(out).toContain("rules, in region on-prem");
    expect(out).toContain("not moderated");
    expect(out).not.toContain("classifier");
    expect(out).toContain("anywhere, unless they carry data");
  });

  it("says where a turn with personal data may go, and which classifier is not asked then", () => {
    const classifiers = [{ kind: "openai", provider: "openai", model: "omni" }];
    const moderation = { ...SETTINGS.moderation, classifiers };
    const careful = explain("careful", false, { moderation }).out;
    expect(careful).toContain("data residency: any, that is on-prem, cn, overseas");
    expect(careful).toContain("a turn with personal data: on-prem only");
    expect(careful).toContain("openai omni lies beyond where a turn with personal data may go");
    const sales = explain("sales", false, { moderation }).out;
    expect(sales).toContain("openai omni lies beyond where any turn may go: it is not asked");
    expect(explain("bare", false, { moderation }).out).not.toContain("beyond");
  });

  it("says the same as JSON", () => {
    const facts = JSON.parse(explain("sales", true).out);
    expect(facts).toMatchObject({
      tenant: "sales",
      data_residency: "domestic",
      budget: { monthly_usd: 50 },
      moderation: { lexicons: [{ terms: { block: 1, review: 0, mask: 1 } }, { name: "gone" }] },
    });
    expect(facts.data_loss_prevention.detectors).toContainEqual({
      ...{ name: "email", in: "redact", out: "allow" },
    });
  });

  it("names the tenants that there are when it is asked about another", () => {
    expect(explain("nobody")).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(/no tenant "nobody".*sales, bare, careful/),
    });
  });
});
