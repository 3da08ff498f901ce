import type { PolicyFacts } from "./policy-facts.ts";
import type { Section } from "./sections.ts";

/** What a tenant allows, for people: lines under titles. */
export const policyWords = (facts: PolicyFacts): readonly Section[] => {
  const { data_loss_prevention: dlp, moderation, limits, budget } = facts;
  const allowed = facts.links.allowed_domains;
  const { ordinary, personal_data: ofPersonal } = moderation.out_of_reach;
  const onlyPersonal = ofPersonal.filter((name) => !ordinary.includes(name));
  const outOfReach = (turn: string, names: readonly string[]) =>
    names.map((name) => `${name} lies beyond where ${turn} may go: it is not asked`);
  const list = (words: readonly string[], none: string) => words.join(", ") || none;
  const lines: Section[] = [
    ["Tenant", `${facts.tenant} (${facts.name})`],
    [
      "Who",
      ...facts.bindings.map(({ channel, workspace, ...rest }) =>
        [`${channel} ${workspace}`, ...Object.entries(rest).map((pair) => pair.join(" "))].join(
          ", ",
        ),
      ),
      ...(facts.bindings.length === 0 ? ["nobody: the tenant has no bindings"] : []),
      `people of other organisations: ${facts.external_users ? "answered" : "met with silence"}`,
    ],
    [
      "Skills",
      `allowed: ${facts.skills.allowed.includes("*") ? "all" : list(facts.skills.allowed, "none")}`,
      `blocked: ${list(facts.skills.blocked, "none")}`,
      `highest risk: ${facts.skills.max_risk}`,
    ],
    [
      "Models",
      `data residency: ${facts.data_residency}, that is ${facts.regions.ordinary.join(", ")}`,
      ...(facts.regions.personal_data.length < facts.regions.ordinary.length
        ? [`a turn with personal data: ${facts.regions.personal_data.join(", ")} only`]
        : []),
      ...facts.models.map(
        (each) =>
          `${each.for}: ${`${each.provider} ${each.model}`.trim()}, in region ${each.region}`,
      ),
    ],
    [
      "Budget",
      budget.monthly_usd === null
        ? "none: models may cost what they cost"
        : `${budget.monthly_usd} US dollars a month (${budget.time_zone}), then nothing more`,
    ],
    [
      "Personal data",
      ...(dlp.enabled
        ? [
            "kind: towards models and skills / towards people",
            ...dlp.detectors.map((each) => `${each.name}: ${each.in} / ${each.out}`),
            ...dlp.rules.map(({ name, action }) => `rule ${name}: ${action} / ${action}`),
          ]
        : ["data-loss prevention is switched off"]),
    ],
    [
      "Links",
      allowed
        ? `to ${list(allowed, "no domain")} only; others are removed`
        : dlp.enabled
          ? "anywhere, unless they carry data"
          : "anywhere",
    ],
    [
      "Content",
      ...moderation.lexicons.map((each) =>
        "problem" in each
          ? `lexicon ${each.name}: ${each.problem}; nothing passes without it`
          : `lexicon ${each.name}: ${each.terms.block} terms block, ${each.terms.review} ask for a review, ${each.terms.mask} are masked`,
      ),
      ...moderation.classifiers.map((name) => `classifier ${name}`),
      ...outOfReach("any turn", ordinary),
      ...outOfReach("a turn with personal data", onlyPersonal),
      ...(moderation.lexicons.length + moderation.classifiers.length === 0
        ? ["not moderated"]
        : []),
      ...(moderation.required ? ["refused when a classifier cannot be asked"] : []),
      ...(!moderation.required && moderation.classifiers.length > 0
        ? ["goes on, on record, when a classifier cannot be asked"]
        : []),
    ],
    ["Retention", facts.retention_days === null ? "no limit" : `${facts.retention_days} days`],
    ["Consent", facts.consent_required ? "asked before the first answer" : "not asked"],
    [
      "Limits",
      `${limits.output_tokens ?? "no own limit of"} tokens an answer`,
      `${limits.user_per_minute} messages a minute from one person, ${limits.tenant_per_minute} from all`,
      `${limits.agents ?? "any number of"} agents`,
    ],
  ];
  if (facts.not_enforced.length > 0) lines.push(["Not enforced yet", ...facts.not_enforced]);
  return lines;
};
