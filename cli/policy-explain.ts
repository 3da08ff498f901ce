import { DETECTORS, type Direction } from "../config/detectors.ts";
import { type LoadedSettings, loadSettings } from "../config/load.ts";
import { modelRefs, regionOf } from "../config/providers.ts";
import { USUAL_OUTPUT_TOKENS } from "../core/models/ask.ts";
import { allowedRegions } from "../core/residency.ts";
import { createClassifiers } from "../core/safety/classifiers/create.ts";
import { DEFAULT_ACTIONS } from "../core/safety/dlp/dlp.ts";
import { ACTIONS, type Lexicon, LexiconError } from "../core/safety/moderation/lexicon.ts";
import { createLexiconLoader } from "../core/safety/moderation/load-lexicon.ts";
import { choiceFor } from "../core/safety/tenant-safety.ts";
import { NO_MODELS } from "./content-rules.ts";
import type { Io } from "./io.ts";
import { noTenant } from "./no-tenant.ts";
import { sections } from "./sections.ts";

/** Options of `policy explain`. */
export interface ExplainOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Says what a tenant allows, in plain words. 0 said, 1 there is no such tenant. */
export const explainPolicy = (io: Io, id: string, options: ExplainOptions): number => {
  const loaded = loadSettings({
    path: options.settings,
    env: io.env,
    cwd: io.cwd,
    mayCreate: false,
  });
  const facts = policyFacts(loaded, id);
  if (!facts) return noTenant(io, options, loaded, id);
  io.stdout.write(
    options.json ? `${JSON.stringify(facts, null, 2)}\n` : sections(policyWords(facts)),
  );
  return 0;
};

type TenantSettings = LoadedSettings["settings"]["multi_tenant"]["tenants"][number];

/** What the settings say of a tenant; undefined when they have none of that id. */
export const policyFacts = (loaded: LoadedSettings, id: string) => {
  const { settings, notEnforced } = loaded;
  const index = settings.multi_tenant.tenants.findIndex((each) => each.id === id);
  const tenant = settings.multi_tenant.tenants[index];
  if (!tenant) return undefined;
  const llm = tenant.llm_config;
  const dlp = settings.enterprise.data_loss_prevention;
  const own = tenant.dlp?.detectors;
  const actionOf = (name: (typeof DETECTORS)[number], direction: Direction) =>
    choiceFor(direction, dlp?.detectors, own)[name] ?? DEFAULT_ACTIONS[name];
  const models = modelRefs(settings)
    .filter((ref) => ref.tenant === index)
    .map(({ path, provider, model }) => ({
      for: path.slice(3, -1).join("."),
      provider,
      model: model ?? "",
      region: regionOf(settings, provider) ?? "unknown",
    }));
  const dataResidency = llm?.data_residency ?? "any";
  const sensitive = llm?.sensitive && {
    ...llm.sensitive,
    region: regionOf(settings, llm.sensitive.provider) ?? "overseas",
  };
  const reach = allowedRegions({ tenant: { dataResidency } });
  const reachOfPersonal = allowedRegions({
    tenant: { dataResidency, ...(sensitive && { sensitive }) },
    isSensitive: true,
  });
  const classifiers = settings.moderation?.classifiers ?? [];
  const built = createClassifiers(classifiers, loaded.providers, NO_MODELS);
  const beyond = (regions: ReadonlySet<string>) =>
    built.filter(({ region }) => !regions.has(region)).map(({ name }) => name);
  const at = `multi_tenant.tenants[${index}].`;
  return {
    tenant: tenant.id,
    name: tenant.name ?? tenant.id,
    bindings: tenant.bindings,
    external_users: tenant.external_users,
    skills: {
      allowed: tenant.allowed_skills,
      blocked: tenant.blocked_skills,
      max_risk: tenant.skill_policy?.max_risk ?? "high",
    },
    data_residency: dataResidency,
    regions: { ordinary: [...reach], personal_data: [...reachOfPersonal] },
    models:
      models.length > 0
        ? models
        : [{ for: "llm_config", provider: "rules", model: "", region: "on-prem" }],
    budget: {
      monthly_usd: tenant.max_api_budget_monthly_usd ?? null,
      time_zone: tenant.time_zone ?? "UTC",
    },
    data_loss_prevention: {
      enabled: dlp?.enabled ?? true,
      detectors: DETECTORS.map((name) => ({
        name,
        in: actionOf(name, "in"),
        out: actionOf(name, "out"),
      })),
      rules: (dlp?.rules ?? []).map(({ name, action }) => ({ name, action })),
    },
    links: { allowed_domains: tenant.links?.allowed_domains ?? null },
    moderation: {
      lexicons: lexiconsOf(settings, tenant),
      classifiers: classifiers.map(({ kind, provider, model }) =>
        [kind, provider, model].filter((word) => word !== undefined).join(" "),
      ),
      out_of_reach: { ordinary: beyond(reach), personal_data: beyond(reachOfPersonal) },
      required: tenant.moderation?.required ?? settings.moderation?.required ?? false,
    },
    retention_days: tenant.data_retention_days ?? null,
    consent_required: tenant.consent?.required ?? false,
    limits: {
      output_tokens:
        llm?.max_tokens_per_request ??
        (tenant.max_api_budget_monthly_usd === undefined ? null : USUAL_OUTPUT_TOKENS),
      agents: tenant.max_agents ?? null,
      ...tenant.rate_limits,
    },
    not_enforced: notEnforced
      .filter((path) => path.startsWith(at))
      .map((path) => path.slice(at.length)),
  };
};

const lexiconsOf = ({ moderation }: LoadedSettings["settings"], tenant: TenantSettings) => {
  const load = createLexiconLoader();
  const names = new Set(tenant.lexicons ?? []);
  return (moderation?.lexicons ?? [])
    .filter(({ name }) => names.has(name))
    .map(({ name, file }) => {
      try {
        return { name, file, terms: countsOf(load(file)) };
      } catch (cause) {
        if (!(cause instanceof LexiconError)) throw cause;
        return { name, file, problem: cause.problems.join("; ") };
      }
    });
};

const countsOf = ({ actions }: Lexicon) => {
  const counts = { block: 0, review: 0, mask: 0 };
  for (const action of actions) {
    const name = ACTIONS[action];
    if (name && name !== "allow") counts[name]++;
  }
  return counts;
};

/** The same for people, as lines under titles. */
export const policyWords = (
  facts: NonNullable<ReturnType<typeof policyFacts>>,
): (readonly [string, ...string[]])[] => {
  const { data_loss_prevention: dlp, moderation, limits, budget } = facts;
  const allowed = facts.links.allowed_domains;
  const { ordinary, personal_data: ofPersonal } = moderation.out_of_reach;
  const onlyPersonal = ofPersonal.filter((name) => !ordinary.includes(name));
  const outOfReach = (turn: string, names: readonly string[]) =>
    names.map((name) => `${name} lies beyond where ${turn} may go: it is not asked`);
  const list = (words: readonly string[], none: string) => words.join(", ") || none;
  const lines: (readonly [string, ...string[]])[] = [
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
