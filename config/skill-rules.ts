/** What a skill can do at worst, by its author and its review; the last one is the worst. */
export const RISKS = ["low", "medium", "high"] as const;

/** What the rules look at in a skill. */
export interface JudgedSkill {
  readonly name: string;
  readonly risk: (typeof RISKS)[number];
}

/** Whether somebody's agent may use a skill, or the first of the rules that forbids it. */
export type SkillVerdict = "allowed" | "blocked" | "not_listed" | "too_risky" | "not_the_agents";

/** What a tenant's settings say of skills. */
export interface SkillLists {
  readonly allowed_skills: readonly string[];
  readonly blocked_skills: readonly string[];
  readonly skill_policy?: { readonly max_risk: JudgedSkill["risk"] } | undefined;
}

/**
 * Judges skills by a tenant's lists and the highest risk that it takes. A block wins, in whatever case
 * or width it is written; an allowance counts for exactly the name that it has.
 */
export const createSkillRules = (lists: SkillLists): ((skill: JudgedSkill) => SkillVerdict) => {
  const allowed = new Set(lists.allowed_skills);
  const blocked = new Set(lists.blocked_skills.map(fold));
  const worst = RISKS.indexOf(lists.skill_policy?.max_risk ?? "high");
  return ({ name, risk }) => {
    if (blocked.size > 0 && (blocked.has("*") || blocked.has(fold(name)))) return "blocked";
    if (!allowed.has(name) && !allowed.has("*")) return "not_listed";
    // A risk that this version does not know has no place in the order: it is not taken.
    const at = RISKS.indexOf(risk);
    return at >= 0 && at <= worst ? "allowed" : "too_risky";
  };
};

const fold = (name: string): string => name.normalize("NFKC").trim().toLowerCase();
