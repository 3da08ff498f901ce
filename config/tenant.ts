import { agentModel } from "./agents.ts";
import type { Region } from "./presets.ts";
import { regionOf } from "./providers.ts";
import type { Residency } from "./residency.ts";
import type { Settings } from "./schema.ts";
import { createSkillRules, type JudgedSkill, type SkillVerdict } from "./skill-rules.ts";

type TenantSettings = Settings["multi_tenant"]["tenants"][number];
/** One line of who belongs to a tenant. */
export type Binding = TenantSettings["bindings"][number];

/** A model that a tenant may ask, and where its data goes then. */
export interface ModelChoice {
  readonly provider: string;
  /** Empty for providers that have only one. */
  readonly model: string;
  readonly region: Region;
}

/** One of a tenant's agents, addressed as `@name`. */
export interface NamedAgent {
  readonly name: string;
  readonly instructions?: string;
  /** Absent = all that the tenant may use. */
  readonly skills?: readonly string[];
  /** Absent = the tenant's. */
  readonly asks?: ModelChoice;
  /** Another agent system: it gets no skills, and nobody answers in its stead. */
  readonly isOtherSystem: boolean;
}

/** What the rest of the gateway knows of a tenant. Itself the model that answers as a rule. */
export interface Tenant extends ModelChoice {
  readonly id: string;
  readonly name: string;
  readonly locale?: "en" | "zh-Hant" | "zh-Hans";
  /** IANA name, e.g. `Asia/Taipei`. */
  readonly timeZone?: string;
  /** Judged when a model is told of skills, and again whenever it calls one. */
  skillVerdict(skill: JudgedSkill): SkillVerdict;
  /** The secrets that this skill may use, by name; the sandbox's proxy places them. */
  secretsFor(skill: string): ReadonlyMap<string, SkillSecret>;
  readonly maxOutputTokens?: number;
  /** What the model is told before every turn. */
  readonly instructions?: string;
  readonly dataResidency: Residency;
  /** Asked in this order when a model before them cannot be had. */
  readonly fallback: readonly ModelChoice[];
  /** For simple turns. */
  readonly light?: ModelChoice;
  /** For turns with personal data. */
  readonly sensitive?: ModelChoice;
  /** The first one answers who addresses none. */
  readonly agents: readonly NamedAgent[];
  /** Another agent system answers: it gets no skills, and nobody answers in its stead. */
  readonly isOtherSystem?: boolean;
  /** Absent = no limit. */
  readonly monthlyBudgetUsd?: number;
  /** Who is told of the budget: `channel:workspace:user`, or somebody whom nothing can be sent to. */
  readonly contacts?: readonly string[];
  readonly rateLimits: { readonly userPerMinute: number; readonly tenantPerMinute: number };
  /** People of other organisations may talk to the assistant, in rooms that are shared with them. */
  readonly allowsExternalUsers: boolean;
  /** Nothing of a person is processed before they consented. */
  readonly requiresConsent: boolean;
}

/** A secret that is sent to one host only. */
export interface SkillSecret {
  readonly secret: string;
  readonly host: string;
}

/** Where a message comes from, as far as tenants care. */
export interface Origin {
  readonly channel: string;
  readonly workspaceId: string;
  readonly conversationId: string;
  readonly roles: readonly string[];
  readonly departments: readonly string[];
  /** Where the conversation lies in no workspace: each that the person is in, with the roles there. */
  readonly memberships?:
    | readonly { readonly workspaceId: string; readonly roles: readonly string[] }[]
    | undefined;
}

export type TenantResolution =
  | { readonly kind: "tenant"; readonly tenant: Tenant }
  | { readonly kind: "unknown" }
  /** Several tenants match equally well. */
  | { readonly kind: "ambiguous"; readonly ids: readonly string[] };

/** Finds the tenant of a message. Built once from the settings. */
export interface TenantIndex {
  get(id: string): Tenant | undefined;
  /** The most specific binding wins: conversation, then role, then department, then workspace. */
  resolve(origin: Origin): TenantResolution;
}

/**
 * What a binding asks for as one text: equal for two bindings that match the same messages. WeCom
 * ignores the case of user ids, and core folds them, so `<agent id>/<user id>` is folded here too.
 */
export const bindingKey = ({ channel, workspace, ...rest }: Binding): string =>
  JSON.stringify([channel, workspace, keyIn({ channel, ...rest })]);

const keyIn = ({ channel, conversation, role, department }: Omit<Binding, "workspace">): string =>
  askedKey(foldConversation(channel, conversation), role, department);

/** Builds the index: lookups cost the sender's roles and departments, however many tenants exist. */
export const createTenantIndex = (settings: Settings): TenantIndex => {
  const tenants = new Map<string, Tenant>();
  const places = new Map<string, Map<string, Place>>(); // by channel and workspace
  const used = new Set<string>();
  for (const entry of settings.multi_tenant.tenants) {
    tenants.set(entry.id, toTenant(entry, settings));
    for (const binding of entry.bindings) {
      const { channel, workspace } = binding;
      const workspaces = places.get(channel) ?? new Map<string, Place>();
      const place: Place = workspaces.get(workspace) ?? new Map();
      const asked = keyIn(binding);
      place.set(asked, (place.get(asked) ?? new Set()).add(entry.id));
      places.set(channel, workspaces.set(workspace, place));
      used.add(levelName(binding));
    }
  }
  // Few settings bind at all of them, and each that is looked at costs.
  const levels = LEVELS.filter((level) => used.has(levelName(level)));

  const matches = (place: Place, origin: Origin, level: Level): ReadonlySet<string> => {
    const conversation = level.conversation ? origin.conversationId : undefined;
    const foundBy = (role?: string, department?: string): ReadonlySet<string> =>
      place.get(askedKey(conversation, role, department)) ?? NOBODYS;
    if (!level.role && !level.department) return foundBy();
    const ids = new Set<string>();
    for (const role of level.role ? origin.roles : [undefined]) {
      for (const department of level.department ? origin.departments : [undefined]) {
        for (const id of foundBy(role, department)) ids.add(id);
      }
    }
    return ids;
  };

  const resolveIn = (origin: Origin): TenantResolution => {
    const place = places.get(origin.channel)?.get(origin.workspaceId);
    if (!place) return { kind: "unknown" };
    for (const level of levels) {
      const ids = matches(place, origin, level);
      if (ids.size > 1) return { kind: "ambiguous", ids: [...ids].sort() };
      const [id = ""] = ids;
      const tenant = tenants.get(id);
      if (tenant) return { kind: "tenant", tenant };
    }
    return { kind: "unknown" };
  };

  /** The one tenant of all the workspaces that the person is in. */
  const resolveAmong = (
    origin: Origin,
    memberships: NonNullable<Origin["memberships"]>,
  ): TenantResolution => {
    const found = memberships.map((place) => resolveIn({ ...origin, ...place }));
    const ids = new Set(found.flatMap(idsOf));
    if (ids.size > 1) return { kind: "ambiguous", ids: [...ids].sort() };
    return found.find(({ kind }) => kind !== "unknown") ?? { kind: "unknown" };
  };

  return {
    get: (id) => tenants.get(id),
    resolve: (origin) =>
      origin.memberships ? resolveAmong(origin, origin.memberships) : resolveIn(origin),
  };
};

const idsOf = (found: TenantResolution): readonly string[] => {
  if (found.kind === "tenant") return [found.tenant.id];
  return found.kind === "ambiguous" ? found.ids : [];
};

const NOBODYS: ReadonlySet<string> = new Set();

/** Whose the bindings of one workspace are, by what else they ask for. */
type Place = Map<string, Set<string>>;

interface Level {
  readonly conversation: boolean;
  readonly role: boolean;
  readonly department: boolean;
}

const PARTS = ["conversation", "role", "department"] as const;

// Most specific first. A binding that asks for two things beats one that asks for the first of them.
const LEVELS: readonly Level[] = [7, 6, 5, 4, 3, 2, 1, 0].map((bits) => ({
  conversation: (bits & 4) !== 0,
  role: (bits & 2) !== 0,
  department: (bits & 1) !== 0,
}));

/** What a level, or a binding at it, asks for. */
const levelName = (
  asks: {
    readonly [part in keyof Level]?: boolean | string | undefined;
  },
): string => PARTS.filter((part) => asks[part]).join();

/**
 * What is asked for within a workspace as one text. JSON keeps the parts apart whatever characters they
 * hold, and tells "absent" (null) from any text; for most messages nothing is looked up but "nothing".
 */
const askedKey = (conversation?: string, role?: string, department?: string): string =>
  conversation === undefined && role === undefined && department === undefined
    ? ""
    : JSON.stringify([conversation, role, department]);

/** A conversation as messages bear it: WeCom's user ids in lower case. */
export const foldConversation = (channel: string, conversation: string | undefined) =>
  channel === "wechat_work" && conversation !== undefined && /^\d+\//.test(conversation)
    ? conversation.toLowerCase()
    : conversation;

const toTenant = (entry: TenantSettings, settings: Settings): Tenant => {
  const { llm_config: llm, rate_limits: limits, contacts } = entry;
  const maxOutputTokens = llm?.max_tokens_per_request;
  const choiceOf = (ref: { readonly provider: string; readonly model?: string | undefined }) => ({
    provider: ref.provider,
    model: ref.model ?? "",
    // Nothing is unknown in settings that passed their check.
    region: regionOf(settings, ref.provider) ?? "overseas",
  });
  return Object.freeze({
    id: entry.id,
    name: entry.name ?? entry.id,
    skillVerdict: createSkillRules(entry),
    secretsFor: (skill: string) =>
      new Map(
        entry.secrets
          .filter(({ skills }) => skills === undefined || skills.includes(skill))
          .map(({ name, value, host }) => [name, { secret: value, host }]),
      ),
    ...choiceOf(llm ?? { provider: "rules" }),
    dataResidency: llm?.data_residency ?? "any",
    fallback: (llm?.fallback ?? []).map(choiceOf),
    ...(llm?.light && { light: choiceOf(llm.light) }),
    ...(llm?.sensitive && { sensitive: choiceOf(llm.sensitive) }),
    agents: (entry.agents ?? []).map((agent) => toAgent(agent, agentModel(agent, llm), choiceOf)),
    rateLimits: {
      userPerMinute: limits.user_per_minute,
      tenantPerMinute: limits.tenant_per_minute,
    },
    ...(entry.max_api_budget_monthly_usd !== undefined && {
      monthlyBudgetUsd: entry.max_api_budget_monthly_usd,
    }),
    ...(contacts !== undefined && { contacts }),
    allowsExternalUsers: entry.external_users,
    requiresConsent: entry.consent?.required ?? false,
    ...(entry.locale !== undefined && { locale: entry.locale }),
    ...(entry.time_zone !== undefined && { timeZone: entry.time_zone }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  });
};

const toAgent = (
  { name, instructions, skills, kind }: NonNullable<TenantSettings["agents"]>[number],
  model: ReturnType<typeof agentModel>,
  choiceOf: (ref: {
    readonly provider: string;
    readonly model?: string | undefined;
  }) => ModelChoice,
): NamedAgent => ({
  name,
  isOtherSystem: kind === "openclaw",
  ...(instructions !== undefined && { instructions }),
  ...(skills && !skills.includes("*") && { skills }),
  ...(model && { asks: choiceOf(model) }),
});
