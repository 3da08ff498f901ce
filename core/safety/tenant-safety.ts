import {
  DETECTORS,
  type DetectorActions,
  type Direction,
  type DlpAction,
} from "../../config/detectors.ts";
import type { Settings } from "../../config/schema.ts";
import type { Classifier } from "./classifiers/classifier.ts";
import { createDlpEngines, type DetectorChoice, type Dlp } from "./dlp/dlp.ts";
import type { Lexicon } from "./moderation/lexicon.ts";
import { createModeration, type Moderation } from "./moderation/moderation.ts";

/** What a tenant lets pass. */
export interface TenantSafety {
  /** Absent = data-loss prevention is switched off. */
  readonly dlp?: Readonly<Record<Direction, Dlp>>;
  /** Absent = the tenant has no lexicons; `missing` = one of them was never there: nothing passes. */
  readonly moderation?: Moderation | "missing";
  readonly classifiers: readonly Classifier[];
  /** Nothing passes that a classifier did not judge. */
  readonly isModerationRequired: boolean;
  /** Links lead to these domains only, in lower case; absent = anywhere. */
  readonly allowedDomains?: ReadonlySet<string>;
}

/** Finds what a tenant lets pass. Throws for a tenant that the settings do not have. */
export type SafetyOf = (tenantId: string) => TenantSafety;

/** What the settings name and somebody else has to load or to reach. */
export interface SafetyParts {
  /** By name; one that is not here is missing. */
  readonly lexicons: ReadonlyMap<string, Lexicon>;
  readonly classifiers: readonly Classifier[];
}

type TenantSettings = Settings["multi_tenant"]["tenants"][number];

/**
 * Builds what all tenants let pass. Tenants whose rules are equal share them, so the cost does not
 * grow with the tenants but for one small object each.
 */
export const createSafety = (settings: Settings, parts: SafetyParts): SafetyOf => {
  const { enterprise, moderation, multi_tenant } = settings;
  const dlp = enterprise.data_loss_prevention;
  const engineFor = createEngines(dlp?.rules ?? []);
  const lists = new Map<string, Moderation | "missing">();
  const moderationFor = (names: readonly string[]): Moderation | "missing" => {
    const wanted = [...new Set(names)].sort();
    const key = JSON.stringify(wanted);
    const known = lists.get(key);
    if (known) return known;
    const lexicons = wanted.flatMap((name) => parts.lexicons.get(name) ?? []);
    const built = lexicons.length === wanted.length ? createModeration(lexicons) : "missing";
    lists.set(key, built);
    return built;
  };

  const safetyFor = (tenant: TenantSettings): TenantSafety => {
    const names = tenant.lexicons ?? [];
    const engine = (direction: Direction): Dlp =>
      engineFor(choiceFor(direction, dlp?.detectors, tenant.dlp?.detectors));
    const domains = tenant.links?.allowed_domains;
    return {
      ...(dlp?.enabled !== false && { dlp: { in: engine("in"), out: engine("out") } }),
      ...(names.length > 0 && { moderation: moderationFor(names) }),
      classifiers: parts.classifiers,
      isModerationRequired: tenant.moderation?.required ?? moderation?.required ?? false,
      ...(domains && { allowedDomains: new Set(domains) }),
    };
  };
  const tenants = new Map(multi_tenant.tenants.map((tenant) => [tenant.id, safetyFor(tenant)]));
  return (tenantId) => {
    const found = tenants.get(tenantId);
    if (!found) throw new Error(`no content rules for tenant ${tenantId}`);
    return found;
  };
};

/** One engine for each choice of actions; all share the compiled rules. */
const createEngines = (rules: Parameters<typeof createDlpEngines>[0]) => {
  const build = createDlpEngines(rules);
  const known = new Map<string, Dlp>();
  return (choice: DetectorChoice): Dlp => {
    const key = JSON.stringify(DETECTORS.map((name) => choice[name] ?? null));
    const engine = known.get(key) ?? build(choice);
    known.set(key, engine);
    return engine;
  };
};

/** What the detectors do in one direction: what the last level says of each. */
export const choiceFor = (
  direction: Direction,
  ...levels: readonly (DetectorActions | undefined)[]
): DetectorChoice => {
  const choice: { -readonly [name in keyof DetectorChoice]: DlpAction } = {};
  for (const level of levels) {
    for (const name of DETECTORS) {
      const action = level?.[name]?.[direction];
      if (action !== undefined) choice[name] = action;
    }
  }
  return choice;
};
