import { parsePerson } from "./person.ts";
import type { Settings } from "./schema.ts";

/** Whose permissions are asked for. */
export interface Principal {
  readonly channel: string;
  readonly workspaceId: string;
  readonly senderId: string;
  /** Where they write outside every workspace: those that they are in. Default: `workspaceId`. */
  readonly memberOf?: readonly string[] | undefined;
  readonly departments: readonly string[];
  /** Those of the platform's groups that they are known to be in. Default: none. */
  readonly groups?: readonly Group[];
}

/** A group of a platform's people: a Discord role, a Slack user group, a WeCom tag. */
export interface Group {
  readonly workspaceId: string;
  readonly id: string;
}

/** What someone may do. */
interface Permissions {
  /** Sorted; `user` for everyone without a role of their own. */
  readonly roles: readonly string[];
  has(permission: string): boolean;
}

/** Finds what a sender may do. Built once from the settings. */
export interface RoleIndex {
  permissionsOf(principal: Principal): Permissions;
}

/** A role that somebody has, and why. */
export interface HeldRole {
  readonly role: string;
  /** As the role names them: `*`, `agent:chat` or `agent:*`. */
  readonly permissions: readonly string[];
  /** Whom the binding names: the person, this department or group, or nobody (everyone else's role). */
  readonly through: "user" | "department" | "group" | "default";
  readonly department?: string;
  readonly group?: string;
  /** Which of `role_bindings`, from 0; absent for the role of everyone else. */
  readonly binding?: number;
}

/** An index that can also say why. */
export interface ExplainedRoles extends RoleIndex {
  /** By binding; a role that several of them give is there several times. */
  heldBy(principal: Principal): readonly HeldRole[];
}

type Role = { readonly name: string; readonly permissions: readonly string[] };

/** The roles that exist when the settings name none. */
export const BUILT_IN_ROLES: readonly Role[] = [
  { name: "admin", permissions: ["*"] },
  {
    name: "agent_manager",
    permissions: ["agent:create", "agent:update", "agent:delete", "skill:install", "skill:remove"],
  },
  { name: "user", permissions: ["agent:chat", "agent:view"] },
  { name: "auditor", permissions: ["log:view", "audit:export"] },
];

/** The role of everyone who is bound to no other. */
export const DEFAULT_ROLE = "user";

/** Builds the index. With `rbac.enabled: false` everyone may do everything. */
export const createRoleIndex = (settings: Settings): ExplainedRoles => {
  const rbac = settings.enterprise.rbac;
  const roles = new Map<string, readonly string[]>();
  for (const { name, permissions } of rbac?.roles ?? BUILT_IN_ROLES) roles.set(name, permissions);
  const permissionsIn = (role: string) => roles.get(role) ?? [];
  const byUser = new Map<string, HeldRole[]>();
  const byDepartment = new Map<string, HeldRole[]>();
  const byPlacedDepartment = new Map<string, HeldRole[]>();
  const byGroup = new Map<string, HeldRole[]>();
  const bind = (map: Map<string, HeldRole[]>, to: string, held: HeldRole) =>
    map.set(to, [...(map.get(to) ?? []), held]);
  for (const [binding, bound] of (rbac?.role_bindings ?? []).entries()) {
    const { role, users = [], departments = [], groups = [] } = bound;
    const held = { role, permissions: permissionsIn(role), binding };
    for (const user of users) bind(byUser, writtenUserKey(user), { ...held, through: "user" });
    for (const department of departments) {
      const placed = parsePerson(department);
      const to: HeldRole = { ...held, through: "department", department };
      if (!placed) bind(byDepartment, department, to);
      else bind(byPlacedDepartment, departmentKey(placed, placed.senderId), to);
    }
    for (const group of groups) {
      // One of an identity provider: nobody can be in it yet.
      if (!parsePerson(group)) continue;
      bind(byGroup, writtenUserKey(group), { ...held, through: "group", group });
    }
  }
  const everyoneElse: readonly HeldRole[] = [
    { role: DEFAULT_ROLE, permissions: permissionsIn(DEFAULT_ROLE), through: "default" },
  ];

  const heldBy = (principal: Principal) => {
    if (!rbac?.role_bindings.length) return everyoneElse;
    const { channel, workspaceId, senderId, departments, groups = [] } = principal;
    const { memberOf = [workspaceId] } = principal;
    const held = [
      ...memberOf.flatMap((place) => byUser.get(userKey(channel, place, senderId)) ?? []),
      ...departments.flatMap((department) => [
        ...(byDepartment.get(department) ?? []),
        ...(byPlacedDepartment.get(departmentKey(principal, department)) ?? []),
      ]),
      ...groups.flatMap(
        (group) => byGroup.get(userKey(channel, group.workspaceId, group.id)) ?? [],
      ),
    ];
    return held.length > 0 ? held : everyoneElse;
  };

  const permissionsThrough = (held: readonly HeldRole[]): Permissions => ({
    roles: [...new Set(held.map(({ role }) => role))].sort(),
    has: (permission) =>
      rbac?.enabled === false || held.some(({ permissions }) => allows(permissions, permission)),
  });
  // Those of most people, asked for with each of their messages.
  const everyoneElses = permissionsThrough(everyoneElse);

  return {
    heldBy,
    permissionsOf: (principal) => {
      const held = heldBy(principal);
      return held === everyoneElse ? everyoneElses : permissionsThrough(held);
    },
  };
};

const allows = (granted: readonly string[], permission: string): boolean =>
  granted.includes("*") ||
  granted.includes(permission) ||
  granted.includes(`${permission.split(":")[0]}:*`);

const departmentKey = (
  { channel, workspaceId }: Pick<Principal, "channel" | "workspaceId">,
  department: string,
): string => JSON.stringify([channel, workspaceId, department]);

// `channel:workspace:user`; only the user part may itself hold colons.
const writtenUserKey = (written: string): string => {
  const [channel = "", workspace = "", ...user] = written.split(":");
  return userKey(channel, workspace, user.join(":"));
};

// WeCom ignores the case of user ids.
const userKey = (channel: string, workspace: string, user: string): string =>
  JSON.stringify([channel, workspace, channel === "wechat_work" ? user.toLowerCase() : user]);
