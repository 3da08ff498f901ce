import { describe, expect, it } from "vitest";
import { createSkillEgress } from "../../cli/skill-egress.ts";
import { RESIDENCY, type Residency } from "../../config/residency.ts";
import { settingsSchema } from "../../config/schema.ts";

const { openshell } = settingsSchema.parse({
  openshell: {
    network: {
      mode: "whitelist",
      allowed_domains: ["api.test", "crm.test", "*.cn.test", "baidu.test"],
    },
    hosts: { "CRM.test": { internal: true }, "baidu.test": { region: "cn" } },
  },
});
const egressFor = createSkillEgress(openshell);
const open = (residency: Residency, ...asked: readonly string[]) => {
  const egress = egressFor(asked, new Set(RESIDENCY[residency]));
  return typeof egress === "string" ? egress : egress.map(({ host, port }) => `${host}:${port}`);
};
const ALL = ["api.test:443", "crm.test:443", "baidu.test:443", "x.cn.test:443"];

describe("what a skill may reach", () => {
  it("is all that the settings open where data may go anywhere", () => {
    expect(open("any", ...ALL, "other.test:443")).toEqual(ALL);
  });

  it("attack: data that must stay is carried out by a skill: hosts elsewhere, or nobody knows where, are closed", () => {
    expect(open("domestic", ...ALL)).toEqual(["crm.test:443", "baidu.test:443"]);
    expect(open("on-prem", ...ALL)).toEqual(["crm.test:443"]);
    expect(open("on-prem", "api.test:443", "*.cn.test:443")).toBe("none");
  });

  it("is nothing for a skill that asks for nothing", () => {
    expect(open("any")).toBe("none");
  });
});
