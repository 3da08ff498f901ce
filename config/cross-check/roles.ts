import { type Draft, itemsOf } from "../draft.ts";
import type { Report } from "../report.ts";
import { BUILT_IN_ROLES, DEFAULT_ROLE } from "../roles.ts";
import { suggest } from "../suggest.ts";
import { createUniqueCheck } from "./unique.ts";

/** Role bindings name roles that exist. */
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
