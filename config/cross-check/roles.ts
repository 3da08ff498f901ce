import { type Draft, itemsOf } from "../draft.ts";
import { parsePerson } from "../person.ts";
import type { SettingsPath } from "../problem.ts";
import type { Report } from "../report.ts";
import { BUILT_IN_ROLES, DEFAULT_ROLE } from "../roles.ts";
import { suggest } from "../suggest.ts";
import { createUniqueCheck } from "./unique.ts";

// What the built-in roles have is the customer's own list; of the rest people need no more than this.
const ASKED_OF_PEOPLE = new Set([
  ...BUILT_IN_ROLES.flatMap(({ permissions }) => permissions),
  "content:review",
]);
const AREAS = new Set([...ASKED_OF_PEOPLE].map((permission) => permission.split(":")[0]));

/** Role bindings name roles that exist, and what would give nobody anything is pointed out. */
export const checkRoles = (draft: Draft, report: Report): void => {
  const rbac = draft.enterprise?.rbac;
  if (!rbac) return;
  const sameRole = createUniqueCheck(report, "role name");
  for (const [index, { name }] of itemsOf(rbac.roles)) {
    if (name !== undefined) sameRole(name, ["enterprise", "rbac", "roles", index, "name"]);
  }
  const roles = rbac.roles ? itemsOf(rbac.roles).map(([, role]) => role) : BUILT_IN_ROLES;
  const known = roles.flatMap(({ name }) => name ?? []);
  if (rbac.enabled !== false && !known.includes(DEFAULT_ROLE)) {
    report.warn(
      ["enterprise", "rbac", "roles"],
      `there is no role ${DEFAULT_ROLE}: who has no other role may do nothing`,
    );
  }
  if (rbac.enabled === false) {
    report.warn(
      ["enterprise", "rbac", "enabled"],
      "false: whoever can write to the assistant may also release what is held for a review",
    );
  }
  checkPermissions(draft, report);
  checkBound(draft, report);
  for (const [index, { role }] of itemsOf(rbac.role_bindings)) {
    if (role === undefined || known.includes(role)) continue;
    const meant = suggest(role, known);
    report.problem(
      ["enterprise", "rbac", "role_bindings", index, "role"],
      `${JSON.stringify(role)}, a role that does not exist`,
      meant === undefined ? `one of ${known.join(", ")}` : `${meant} (did you mean it?)`,
    );
  }
};

const checkPermissions = (draft: Draft, report: Report): void => {
  for (const [index, { permissions }] of itemsOf(draft.enterprise?.rbac?.roles)) {
    for (const [number, permission] of itemsOf(permissions)) {
      const [area = "", verb] = permission.split(":");
      if (ASKED_OF_PEOPLE.has(permission) || (verb === "*" && AREAS.has(area))) continue;
      const meant = suggest(permission, [...ASKED_OF_PEOPLE]);
      report.warn(
        ["enterprise", "rbac", "roles", index, "permissions", number],
        `nothing asks people for ${permission}${meant === undefined ? "" : `; did you mean ${meant}?`}`,
      );
    }
  }
};

/** Who is bound can be met: a binding names somebody, in a workspace that some tenant is bound to. */
const checkBound = (draft: Draft, report: Report): void => {
  const bindings = itemsOf(draft.multi_tenant?.tenants).flatMap(([, tenant]) =>
    itemsOf(tenant.bindings).map(([, binding]) => binding),
  );
  const served = new Set(bindings.map(({ channel, workspace }) => placeOf(channel, workspace)));
  const corps = new Set(
    bindings.flatMap(({ channel, workspace }) =>
      channel === "wechat_work" && workspace !== undefined ? [workspace] : [],
    ),
  );
  const rbac: SettingsPath = ["enterprise", "rbac", "role_bindings"];
  for (const [index, bound] of itemsOf(draft.enterprise?.rbac?.role_bindings)) {
    const { users, departments, groups } = bound;
    const lists = {
      users: itemsOf(users),
      departments: itemsOf(departments),
      groups: itemsOf(groups),
    };
    if (Object.values(lists).every((names) => names.length === 0)) {
      report.warn(
        [...rbac, index],
        "it names no users, departments or groups: nobody has the role",
      );
    }
    for (const [number, department] of corps.size > 1 ? lists.departments : []) {
      if (parsePerson(department)) continue;
      report.warn(
        [...rbac, index, "departments", number],
        `${department} counts in each of ${[...corps].join(", ")}; ` +
          `write wechat_work:CORP:${department} for one of them`,
      );
    }
    for (const [key, names] of Object.entries(lists)) {
      for (const [number, name] of names) {
        const named = parsePerson(name);
        if (!named || served.has(placeOf(named.channel, named.workspaceId))) continue;
        report.warn(
          [...rbac, index, key, number],
          `no tenant has a binding to ${named.channel} ${named.workspaceId}, so nobody is met there`,
        );
      }
    }
  }
};

const placeOf = (channel: string | undefined, workspace: string | undefined): string =>
  JSON.stringify([channel, workspace]);
