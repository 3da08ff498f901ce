import { createBoundGroups } from "../config/bound-groups.ts";
import { createDepartmentNeeds } from "../config/department-needs.ts";
import {
  type BindingLook,
  type BindingPart,
  type Described,
  explainBindings,
} from "../config/explain-bindings.ts";
import { type LoadedSettings, loadSettings } from "../config/load.ts";
import { parsePerson } from "../config/person.ts";
import { createRoleIndex, type HeldRole } from "../config/roles.ts";
import type { SkillVerdict } from "../config/skill-rules.ts";
import {
  createTenantIndex,
  foldConversation,
  type Tenant,
  type TenantResolution,
} from "../config/tenant.ts";
import { wecomApps } from "../config/wecom-apps.ts";
import { servedBy } from "../core/named-agents.ts";
import { type Catalogue, loadCatalogue } from "../skills/catalogue.ts";
import { allowedTo } from "./allowed-skills.ts";
import type { Io } from "./io.ts";
import { PERSON_FORM, personName } from "./person-name.ts";
import { MISUSE, sayNo } from "./say-no.ts";
import { sections } from "./sections.ts";
import { skillFolders } from "./skill-folders.ts";

export interface WhoOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
  readonly department?: readonly string[] | undefined;
  readonly role?: readonly string[] | undefined;
  readonly group?: readonly string[] | undefined;
  readonly conversation?: string | undefined;
}

/** Somebody to look for: a channel's workspace, and a user in it. */
interface Subject extends Described {
  readonly senderId: string;
  /** Absent = not told. */
  readonly groups?: readonly string[] | undefined;
}

/** Says whose tenant somebody is in and what they may do, and why. 0 may chat, 1 may not, 2 misuse. */
export const who = async (io: Io, written: string, options: WhoOptions): Promise<number> => {
  const found = parsePerson(written);
  if (!found) {
    const problem = `tenant who: ${JSON.stringify(written)} names nobody; write ${PERSON_FORM}`;
    return sayNo(io, options, MISUSE, problem);
  }
  const { settings: path } = options;
  const loaded = loadSettings({ path, env: io.env, cwd: io.cwd, mayCreate: false });
  const person: Subject = {
    ...found,
    conversationId: foldConversation(found.channel, options.conversation),
    roles: options.role,
    departments: options.department,
    groups: options.group,
  };
  const catalogue = await loadCatalogue(skillFolders(loaded.settings));
  const facts = factsOf(loaded, inTheOnlyApp(loaded, person), catalogue);
  io.stdout.write(options.json ? `${JSON.stringify(facts, null, 2)}\n` : inWords(facts));
  return facts.may_chat ? 0 : 1;
};

/** Where a corp has one app, a person's direct chat with it is as good as told. */
const inTheOnlyApp = ({ settings }: LoadedSettings, person: Subject): Subject => {
  if (person.channel !== "wechat_work" || person.conversationId !== undefined) return person;
  const apps = wecomApps(settings).filter(({ corp_id }) => corp_id === person.workspaceId);
  const [only] = apps;
  return only && apps.length === 1
    ? { ...person, conversationId: `${only.agent_id}/${person.senderId.toLowerCase()}` }
    : person;
};

const factsOf = (loaded: LoadedSettings, person: Subject, { skills }: Catalogue) => {
  const { settings } = loaded;
  const { channel, workspaceId, senderId, conversationId, roles, departments, groups } = person;
  const found = createTenantIndex(settings).resolve({
    channel,
    workspaceId,
    conversationId: conversationId ?? "",
    roles: roles ?? [],
    departments: departments ?? [],
  });
  const tenant = found.kind === "tenant" ? found.tenant : undefined;
  const index = createRoleIndex(settings);
  const principal = {
    channel,
    workspaceId,
    senderId,
    departments: departments ?? [],
    groups: [...(roles ?? []), ...(groups ?? [])].map((id) => ({ workspaceId, id })),
  };
  const mayTalk = index.permissionsOf(principal).has("agent:chat");
  const looks = explainBindings(settings, person);
  const judge = (of: Tenant) =>
    [...skills.values()].map((skill) => ({ name: skill.name, verdict: of.skillVerdict(skill) }));
  const refusal =
    found.kind === "unknown"
      ? "TENANT_UNKNOWN"
      : found.kind === "ambiguous"
        ? "TENANT_AMBIGUOUS"
        : mayTalk
          ? null
          : "NOT_PERMITTED";
  return {
    person: personName(person),
    told: {
      conversation: conversationId ?? null,
      roles: roles ?? null,
      departments: departments ?? null,
      groups: groups ?? null,
    },
    bindings: looks.map(({ tenantId, path, asks, outcome, because }) => ({
      tenant: tenantId,
      path,
      asks,
      outcome,
      because,
    })),
    tenant: tenantFacts(found),
    role_check: settings.enterprise.rbac?.enabled !== false,
    roles: index.heldBy(principal).map(roleFacts),
    may_chat: refusal === null,
    refusal,
    skills: tenant ? judge(tenant) : [],
    agents: (tenant?.agents ?? []).map((agent) => ({
      name: agent.name,
      skills: tenant ? allowedTo(servedBy(tenant, agent), skills).map(({ name }) => name) : [],
    })),
    notes: notesOn(loaded, person, found, looks),
  };
};

type Facts = ReturnType<typeof factsOf>;

const tenantFacts = (found: TenantResolution) => {
  if (found.kind !== "tenant") return found;
  const { id, name } = found.tenant;
  return { kind: found.kind, id, name };
};

const roleFacts = ({ role, permissions, through, department, group, binding }: HeldRole) => ({
  role,
  permissions,
  through,
  department: department ?? null,
  group: group ?? null,
  path: binding === undefined ? null : `enterprise.rbac.role_bindings[${binding}]`,
});

/** What would make the answer another one, and what to do about it. */
const notesOn = (
  { settings }: LoadedSettings,
  person: Subject,
  found: TenantResolution,
  looks: readonly BindingLook[],
): readonly string[] => {
  const { channel, workspaceId } = person;
  const best = Math.max(-1, ...looks.filter(isMatch).map(({ rank }) => rank));
  const open = looks.filter(({ outcome, rank }) => outcome === "not_told" && rank >= best);
  const needsDepartments = createDepartmentNeeds(settings)(channel, workspaceId);
  const boundGroups = createBoundGroups(settings)(channel, workspaceId);
  return [
    ...(isOn(settings, channel)
      ? []
      : [`channel ${channel} is not switched on: nobody is heard there`]),
    ...(looks.length === 0
      ? [`no tenant has a binding to ${channel} ${workspaceId}: add one to a tenant's bindings`]
      : []),
    ...(found.kind === "ambiguous" ? ["make the binding of one of these tenants narrower"] : []),
    ...open.map(
      ({ tenantId, asks, because }) =>
        `it would be ${tenantId} ${because.map((part) => `in ${part} ${asks[part]}`).join(" and ")}: ` +
        `say so with ${because.map((part) => `--${part}`).join(" and ")}`,
    ),
    ...(person.departments === undefined && needsDepartments
      ? [
          "departments are not known here; a running gateway asks the platform for them, and refuses " +
            "(DIRECTORY_UNAVAILABLE) when it cannot: say them with --department",
        ]
      : []),
    ...(person.groups === undefined && person.roles === undefined && boundGroups.length > 0
      ? [
          `roles are bound to groups of this workspace (${boundGroups.join(", ")}); a running gateway asks ` +
            "the platform who is in them: say those of this person with --group",
        ]
      : []),
    ...((settings.enterprise.rbac?.role_bindings ?? []).some(({ groups = [] }) =>
      groups.some((group) => !parsePerson(group)),
    )
      ? [
          "roles of an identity provider's groups are given to nobody: there is no single sign-on yet",
        ]
      : []),
    ...(settings.multi_tenant.tenants.some(
      ({ id, consent }) => found.kind === "tenant" && id === found.tenant.id && consent?.required,
    )
      ? ["who has not agreed with /consent is refused all the same; that is not looked at here"]
      : []),
    ...(found.kind === "tenant" && !found.tenant.allowsExternalUsers
      ? ["somebody of another organisation, in a shared room, is met with silence"]
      : []),
  ];
};

const isOn = ({ channels }: LoadedSettings["settings"], channel: string): boolean =>
  Object.entries(channels).some(([name, settings]) => name === channel && settings?.enabled);

const isMatch = ({ outcome }: BindingLook): boolean => outcome === "matches";

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

const inWords = (facts: Facts): string => {
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

const roleWords = (held: Facts["roles"][number]) => {
  const { role, permissions, through, department, group, path } = held;
  const why =
    through === "default"
      ? "everyone's role without another"
      : `bound to ${through === "user" ? "the person" : `${through} ${group ?? department}`}, ${path}`;
  return `${role} (${why}): ${permissions.join(", ") || "nothing"}`;
};
