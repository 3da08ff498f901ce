import type { Settings } from "./schema.ts";

/** Whose permissions are asked for. */
export interface Principal {
  readonly channel: string;
  readonly workspaceId: string;
  readonly senderId: string;
  readonly departments: readonly string[];
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
export const createRoleIndex = (settings: Settings): RoleIndex => {
  const rbac = settings.enterprise.rbac;
  const granted = new Map<string, ReadonlySet<string>>();
  for (const { name, permissions } of rbac?.roles ?? BUILT_IN_ROLES) {
    granted.set(name, new Set(permissions));
  }
  const byUser = new Map<string, Set<string>>();
  const byDepartment = new Map<string, Set<string>>();
  const bind = (map: Map<string, Set<string>>, to: string, role: string) =>
    map.set(to, (map.get(to) ?? new Set()).add(role));
  for (const { role, users = [], departments = [] } of rbac?.role_bindings ?? []) {
    for (const user of users) bind(byUser, writtenUserKey(user), role);
    for (const department of departments) bind(byDepartment, department, role);
  }

  return {
    permissionsOf: ({ channel, workspaceId, senderId, departments }) => {
      const roles = new Set(byUser.get(userKey(channel, workspaceId, senderId)));
      for (const department of departments) {
        for (const role of byDepartment.get(department) ?? []) roles.add(role);
      }
      if (roles.size === 0) roles.add(DEFAULT_ROLE);
      return {
        roles: [...roles].sort(),
        has: (permission) =>
          rbac?.enabled === false ||
          [...roles].some((role) => allows(granted.get(role), permission)),
      };
    },
  };
};

const allows = (grants: ReadonlySet<string> | undefined, permission: string): boolean => {
  if (!grants) return false;
  const [area = ""] = permission.split(":");
  return grants.has("*") || grants.has(permission) || grants.has(`${area}:*`);
};

// `channel:workspace:user`; only the user part may itself hold colons.
const writtenUserKey = (written: string): string => {
  const [channel = "", workspace = "", ...user] = written.split(":");
  return userKey(channel, workspace, user.join(":"));
};

// WeCom ignores the case of user ids.
const userKey = (channel: string, workspace: string, user: string): string =>
  JSON.stringify([channel, workspace, channel === "wechat_work" ? user.toLowerCase() : user]);
