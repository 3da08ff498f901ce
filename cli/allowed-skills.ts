import type { Tenant } from "../config/tenant.ts";
import type { Skill } from "../core/contract/skill.ts";

/** The skills that a tenant, or one of its agents, may use; by name. */
export const allowedTo = (tenant: Tenant, skills: ReadonlyMap<string, Skill>): readonly Skill[] =>
  [...skills.values()]
    .filter((skill) => tenant.skillVerdict(skill) === "allowed")
    .sort((one, other) => (one.name < other.name ? -1 : 1));
