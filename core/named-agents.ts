import type { NamedAgent, Tenant } from "../config/tenant.ts";

/** Which of a tenant's agents a text is for, and what it says to it. */
export interface Addressed {
  /** Absent where the tenant has no agents: the tenant itself answers. */
  readonly agent?: NamedAgent;
  /** The text without the address. */
  readonly text: string;
}

/**
 * Reads `@name` at the start of a text, the mark half or full width and the case of no account; the
 * longest name counts. Whoever addresses none of the agents speaks to the first one.
 */
export const addressedIn = (text: string, agents: readonly NamedAgent[]): Addressed => {
  const [first] = agents;
  if (!first) return { text };
  const mark = /^\s*[@＠]\s?/u.exec(text)?.[0];
  const rest = mark === undefined ? "" : text.slice(mark.length);
  const agent = agents
    .filter(({ name }) => startsWithName(rest, name))
    .sort((one, other) => other.name.length - one.name.length)[0];
  if (mark === undefined || !agent) return { agent: first, text };
  const said = rest.slice(agent.name.length).replace(/^[\s,，:：、]+/u, "");
  return { agent, text: said };
};

/** `writer寫一段` names `writer`, and `writers` does not: a name of letters ends where they do. */
const startsWithName = (text: string, name: string): boolean => {
  if (text.slice(0, name.length).toLowerCase() !== name.toLowerCase()) return false;
  const [last, next] = [name.at(-1) ?? "", text[name.length] ?? ""];
  return !(IN_WORD.test(last) && IN_WORD.test(next));
};

const IN_WORD = /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{N}_-]/u;

/** The tenant as this agent serves it: never with more skills than the tenant has. */
export const servedBy = (tenant: Tenant, agent: NamedAgent): Tenant => {
  const { instructions, skills, asks, isOtherSystem } = agent;
  // A tenant's light model stands in for its own model, not for the one that an agent names.
  const { light, ...others } = tenant;
  return {
    ...(asks ? others : tenant),
    ...(instructions !== undefined && { instructions }),
    ...asks,
    skillVerdict: (skill) => {
      const verdict = tenant.skillVerdict(skill);
      const isTheAgents = !isOtherSystem && (skills?.includes(skill.name) ?? true);
      return verdict === "allowed" && !isTheAgents ? "not_the_agents" : verdict;
    },
    isOtherSystem,
  };
};
