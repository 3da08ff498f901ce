import { DETECTORS, type Direction } from "../config/detectors.ts";
import type { LoadedSettings } from "../config/load.ts";
import { modelRefs, regionOf } from "../config/providers.ts";
import { USUAL_OUTPUT_TOKENS } from "../core/models/ask.ts";
import { allowedRegions } from "../core/residency.ts";
import { createClassifiers } from "../core/safety/classifiers/create.ts";
import { DEFAULT_ACTIONS } from "../core/safety/dlp/dlp.ts";
import { ACTIONS, type Lexicon, LexiconError } from "../core/safety/moderation/lexicon.ts";
import { createLexiconLoader } from "../core/safety/moderation/load-lexicon.ts";
import { choiceFor } from "../core/safety/tenant-safety.ts";
import { NO_MODELS } from "./content-rules.ts";

type TenantSettings = LoadedSettings["settings"]["multi_tenant"]["tenants"][number];

/** What the settings allow a tenant; undefined when they have none of that id. */
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

/** See `policyFacts`. */
export type PolicyFacts = NonNullable<ReturnType<typeof policyFacts>>;
