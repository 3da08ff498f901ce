import type { BindingLook, BindingPart } from "../config/explain-bindings.ts";
import type { SkillVerdict } from "../config/skill-rules.ts";
import { sections } from "./sections.ts";
import type { WhoFacts } from "./tenant-who-facts.ts";

const WORDS: Readonly<Record<SkillVerdict, string>> = {
  allowed: "yes",
  blocked: "no: blocked_skills has it",
  not_listed: "no: allowed_skills does not have it",
  too_risky: "no: its risk is over skill_policy.max_risk",
  not_the_agents: "no: the agent's own skills leave it out",
};

const OUTCOMES: Readonly<Record<BindingLook["outcome"], string>> = {
  matches: "matches",
  differs: "no",
  not_told: "cannot be told",
};

/** The same for people. */
export const whoWords = (facts: WhoFacts): string => {
  const { tenant, told } = facts;
  const list = (words: readonly string[] | null) => words?.join(", ") || "none";
  const chosen = facts.bindings.find(({ outcome }) => outcome === "matches");
  return sections([
    ["Who", facts.person],
    [
      "As told",
      `conversation: ${told.conversation ?? "not told"}`,
      `roles on the platform: ${told.roles ? list(told.roles) : "not told"}`,
      `departments: ${told.departments ? list(told.departments) : "not told"}`,
    ],
    [
      "Bindings",
      ...(facts.bindings.length === 0 ? ["none to this workspace"] : []),
      ...facts.bindings.map(
        ({ tenant: id, path, asks, outcome, because }) =>
          `${id}, ${askWords(asks)}: ${OUTCOMES[outcome]}${because.length > 0 ? ` (${because.join(", ")})` : ""}; ${path}`,
      ),
    ],
    [
      "Tenant",
      tenant.kind === "tenant"
        ? `${tenant.id} (${tenant.name}), by its binding to ${askWords(chosen?.asks ?? {})}`
        : tenant.kind === "ambiguous"
          ? `not to be told: ${tenant.ids.join(" and ")} match equally well`
          : "none: no binding matches, and there is no tenant for everybody else",
    ],
    ["Roles", ...facts.roles.map(roleWords)],
    [
      "May chat",
      facts.may_chat
        ? facts.role_check
          ? "yes: agent:chat"
          : "yes: enterprise.rbac.enabled is false, so roles are not asked"
        : `no: ${facts.refusal}`,
    ],
    ["Skills", ...facts.skills.map(({ name, verdict }) => `${name}: ${WORDS[verdict]}`)],
    ["Agents", ...facts.agents.map(({ name, skills }) => `@${name}: ${list(skills)}`)],
    ["Notes", ...facts.notes],
  ]);
};

const askWords = (asks: Readonly<Partial<Record<BindingPart, string>>>): string =>
  Object.entries(asks)
    .map(([part, value]) => `${part} ${value}`)
    .join(" and ") || "the whole workspace";

const roleWords = (held: WhoFacts["roles"][number]) => {
  const { role, permissions, through, department, group, path } = held;
  const why =
    through === "default"
      ? "everyone's role without another"
      : `bound to ${through === "user" ? "the person" : `${through} ${group ?? department}`}, ${path}`;
  return `${role} (${why}): ${permissions.join(", ") || "nothing"}`;
};
