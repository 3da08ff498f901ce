import { RESIDENCY } from "../config/residency.ts";
import type { Settings } from "../config/schema.ts";
import { createSkillRules } from "../config/skill-rules.ts";
import type { Catalogue } from "../skills/catalogue.ts";
import { createSkillEgress, type SkillEgress } from "./skill-egress.ts";

type TenantSettings = Settings["multi_tenant"]["tenants"][number];

/** Which skills are left out and why, and which are named by a tenant or its agents in vain. */
export const skillWarnings = (
  { multi_tenant: { tenants }, openshell }: Pick<Settings, "multi_tenant" | "openshell">,
  catalogue: Catalogue,
): readonly string[] => [
  ...catalogue.problems.map(({ folder, message }) => `skill ${folder} is left out: ${message}`),
  ...tenants.flatMap((tenant) => [
    ...unknownTo(tenant, catalogue).map(
      (name) => `tenant ${tenant.id} names the skill ${name}, which does not exist`,
    ),
    ...inVain(tenant, catalogue),
    ...tooFar(tenant, catalogue, createSkillEgress(openshell)),
  ]),
];

const unknownTo = (
  { allowed_skills, blocked_skills }: TenantSettings,
  { skills }: Catalogue,
): readonly string[] => {
  const blocks = (name: string): boolean => {
    const judge = createSkillRules({ allowed_skills: ["*"], blocked_skills: [name] });
    return [...skills.values()].some((skill) => judge(skill) === "blocked");
  };
  const unknown = [
    ...allowed_skills.filter((name) => !skills.has(name)),
    ...blocked_skills.filter((name) => !skills.has(name) && !blocks(name)),
  ];
  return [...new Set(unknown)].filter((name) => name !== "*");
};

/** Skills of a tenant that would reach hosts where its data may not go: they find them closed. */
const tooFar = (
  tenant: TenantSettings,
  { skills }: Catalogue,
  egressFor: SkillEgress,
): readonly string[] => {
  const residency = tenant.llm_config?.data_residency ?? "any";
  const judge = createSkillRules(tenant);
  const [near, all] = [new Set(RESIDENCY[residency]), new Set(RESIDENCY.any)];
  return [...skills.values()].flatMap((skill) => {
    const closed = skill.egress.filter(
      (host) => egressFor([host], all) !== "none" && egressFor([host], near) === "none",
    );
    if (closed.length === 0 || judge(skill) !== "allowed") return [];
    return [
      `tenant ${tenant.id}: skill ${skill.name} finds ${closed.join(", ")} closed, beyond data_residency ${residency} (openshell.hosts.NAME.region says where a host is)`,
    ];
  });
};

/** What an agent's own skills name and the tenant does not have: the agent goes without. */
const inVain = (tenant: TenantSettings, { skills }: Catalogue): readonly string[] => {
  const judge = createSkillRules(tenant);
  return (tenant.agents ?? []).flatMap((agent) =>
    (agent.skills ?? []).flatMap((name) => {
      if (name === "*") return [];
      const skill = skills.get(name);
      if (skill && judge(skill) === "allowed") return [];
      const why = skill ? "which the tenant may not use" : "which does not exist";
      return [`agent ${agent.name} of tenant ${tenant.id} names the skill ${name}, ${why}`];
    }),
  );
};
