import { createBoundGroups } from "../config/bound-groups.ts";
import { createDepartmentNeeds } from "../config/department-needs.ts";
import { type BindingLook, type Described, explainBindings } from "../config/explain-bindings.ts";
import type { LoadedSettings } from "../config/load.ts";
import { parsePerson } from "../config/person.ts";
import { createRoleIndex, type HeldRole } from "../config/roles.ts";
import { createTenantIndex, type Tenant, type TenantResolution } from "../config/tenant.ts";
import { servedBy } from "../core/named-agents.ts";
import type { Catalogue } from "../skills/catalogue.ts";
import { allowedTo } from "./allowed-skills.ts";
import { personName } from "./person-name.ts";

/** Somebody to look for: a channel's workspace, and a user in it. */
export interface WhoSubject extends Described {
  readonly senderId: string;
  /** Absent = not told. */
  readonly groups?: readonly string[] | undefined;
}

/** Whose tenant somebody is in and what they may do, and why. */
export const whoFacts = (loaded: LoadedSettings, person: WhoSubject, { skills }: Catalogue) => {
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

/** See `whoFacts`. */
export type WhoFacts = ReturnType<typeof whoFacts>;

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
  person: WhoSubject,
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
