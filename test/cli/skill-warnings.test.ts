import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { skillWarnings } from "../../cli/skill-warnings.ts";
import { settingsSchema } from "../../config/schema.ts";
import { loadCatalogue } from "../../skills/catalogue.ts";

const catalogue = await loadCatalogue([join(import.meta.dirname, "../../skills/bundled")]);

const warningsOf = (tenant: object) =>
  skillWarnings(
    settingsSchema.parse({ multi_tenant: { tenants: [{ id: "x", ...tenant }] } }),
    catalogue,
  );

describe("skill warnings", () => {
  it("name what a tenant allows or blocks and nobody has", () => {
    expect(warningsOf({ allowed_skills: ["calculater", "*"], blocked_skills: ["csv"] })).toEqual([
      "tenant x names the skill calculater, which does not exist",
      "tenant x names the skill csv, which does not exist",
    ]);
  });

  it("do not call a block in vain that blocks, whatever its case and width", () => {
    expect(warningsOf({ blocked_skills: ["Calculator ", "ｃｓｖ-summary", "*"] })).toEqual([]);
    expect(warningsOf({ allowed_skills: ["Calculator"] })).toHaveLength(1);
  });

  it("name what an agent lists and its tenant does not have", () => {
    const agents = [{ name: "a", skills: ["calculator", "csv-summary", "csv-sumary", "*"] }];
    expect(warningsOf({ allowed_skills: ["*"], blocked_skills: ["calculator"], agents })).toEqual([
      "agent a of tenant x names the skill calculator, which the tenant may not use",
      "agent a of tenant x names the skill csv-sumary, which does not exist",
    ]);
  });

  it("name the hosts that a skill finds closed for a tenant's residency", () => {
    const [skill] = catalogue.skills.values();
    if (!skill) throw new Error("there is no bundled skill");
    const online = {
      ...skill,
      name: "online",
      egress: ["api.test:443", "crm.test:443", "no.test:1"],
    };
    const skills = new Map([["online", online]]);
    const warnings = (data_residency: string) =>
      skillWarnings(
        settingsSchema.parse({
          multi_tenant: {
            tenants: [
              { id: "x", allowed_skills: ["*"], llm_config: { provider: "rules", data_residency } },
            ],
          },
          openshell: {
            network: { mode: "whitelist", allowed_domains: ["api.test", "crm.test"] },
            hosts: { "crm.test": { internal: true } },
          },
        }),
        { ...catalogue, skills },
      );
    expect(warnings("any")).toEqual([]);
    expect(warnings("on-prem")).toEqual([
      expect.stringMatching(/^tenant x: skill online finds api\.test:443 closed, .* on-prem/),
    ]);
  });
});
