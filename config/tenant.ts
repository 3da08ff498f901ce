import type { Settings } from "./schema.ts";

type TenantSettings = Settings["multi_tenant"]["tenants"][number];
/** One line of who belongs to a tenant. */
export type Binding = TenantSettings["bindings"][number];

/** What the rest of the gateway knows of a tenant. */
export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly locale?: "en" | "zh-Hant" | "zh-Hans";
  /** IANA name, e.g. `Asia/Taipei`. */
  readonly timeZone?: string;
  /** As written in the settings; `*` stands for all. Ask `isSkillAllowed`. */
  readonly allowedSkills: readonly string[];
  readonly blockedSkills: readonly string[];
  /** Named or `*` in the allow list, and neither in the block list. */
  isSkillAllowed(name: string): boolean;
  /** The secrets that this skill may use, by name; the sandbox's proxy places them. */
  secretsFor(skill: string): ReadonlyMap<string, SkillSecret>;
  /** Name of the provider that answers. */
  readonly provider: string;
  /** Empty for providers that have only one. */
  readonly model: string;
  readonly maxOutputTokens?: number;
  /** What the model is told before every turn. */
  readonly instructions?: string;
  /** People of other organisations may talk to the assistant, in rooms that are shared with them. */
  readonly allowsExternalUsers: boolean;
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
  readonly memberships?: readonly {
    readonly workspaceId: string;
    readonly roles: readonly string[];
  }[];
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
  key(channel, workspace, foldConversation(channel, rest.conversation), rest.role, rest.department);

/** Builds the index: lookups cost the sender's roles and departments, however many tenants exist. */
export const createTenantIndex = (settings: Settings): TenantIndex => {
  const tenants = new Map<string, Tenant>();
  const idsByKey = new Map<string, Set<string>>();
  const used = new Set<string>();
  for (const entry of settings.multi_tenant.tenants) {
    tenants.set(entry.id, toTenant(entry));
    for (const binding of entry.bindings) {
      const bound = bindingKey(binding);
      idsByKey.set(bound, (idsByKey.get(bound) ?? new Set()).add(entry.id));
      used.add(levelName(binding));
    }
  }
  // Few settings bind at all of them, and each that is looked at costs.
  const levels = LEVELS.filter((level) => used.has(levelName(level)));

  const matches = (origin: Origin, level: Level): Set<string> => {
    const ids = new Set<string>();
    const conversation = level.conversation ? origin.conversationId : undefined;
    for (const role of level.role ? origin.roles : [undefined]) {
      for (const department of level.department ? origin.departments : [undefined]) {
        const found = key(origin.channel, origin.workspaceId, conversation, role, department);
        for (const id of idsByKey.get(found) ?? []) ids.add(id);
      }
    }
    return ids;
  };

  const resolveIn = (origin: Origin): TenantResolution => {
    for (const level of levels) {
      const ids = [...matches(origin, level)];
      const tenant = tenants.get(ids[0] ?? "");
      if (ids.length > 1) return { kind: "ambiguous", ids: ids.sort() };
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

// JSON keeps the parts apart whatever characters they hold, and tells "absent" from any text.
const key = (...parts: readonly (string | undefined)[]): string =>
  JSON.stringify(parts.map((part) => part ?? null));

const foldConversation = (channel: string, conversation: string | undefined) =>
  channel === "wechat_work" && conversation !== undefined && /^\d+\//.test(conversation)
    ? conversation.toLowerCase()
    : conversation;

const toTenant = (entry: TenantSettings): Tenant => {
  const allowed = new Set(entry.allowed_skills);
  const blocked = new Set(entry.blocked_skills);
  const maxOutputTokens = entry.llm_config?.max_tokens_per_request;
  const instructions = entry.agents?.[0]?.instructions;
  return Object.freeze({
    id: entry.id,
    name: entry.name ?? entry.id,
    allowedSkills: entry.allowed_skills,
    blockedSkills: entry.blocked_skills,
    isSkillAllowed: (name: string) =>
      !blocked.has(name) && !blocked.has("*") && (allowed.has(name) || allowed.has("*")),
    secretsFor: (skill: string) =>
      new Map(
        entry.secrets
          .filter(({ skills }) => skills === undefined || skills.includes(skill))
          .map(({ name, value, host }) => [name, { secret: value, host }]),
      ),
    provider: entry.llm_config?.provider ?? "rules",
    model: entry.llm_config?.model ?? "",
    allowsExternalUsers: entry.external_users,
    ...(entry.locale !== undefined && { locale: entry.locale }),
    ...(entry.time_zone !== undefined && { timeZone: entry.time_zone }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(instructions !== undefined && { instructions }),
  });
};
