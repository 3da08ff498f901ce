import type { Settings } from "../config/schema.ts";
import type { Catalogue } from "../skills/catalogue.ts";

/** Which skills are left out and why, and which are named by a tenant and do not exist. */
export const skillWarnings = (
  { multi_tenant: { tenants } }: Pick<Settings, "multi_tenant">,
  { skills, problems }: Catalogue,
): readonly string[] => [
  ...problems.map(({ folder, message }) => `skill ${folder} is left out: ${message}`),
  ...tenants.flatMap(({ id, allowed_skills, blocked_skills }) =>
    [...new Set([...allowed_skills, ...blocked_skills])]
      .filter((name) => name !== "*" && !skills.has(name))
      .map((name) => `tenant ${id} names the skill ${name}, which does not exist`),
  ),
];
