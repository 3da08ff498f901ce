import type { Settings } from "./schema.ts";

/** Whether anything in the settings depends on the departments of people of this workspace. */
export type DepartmentNeeds = (channel: string, workspaceId: string) => boolean;

/** Bindings name their workspace; roles are bound to departments wherever those are. */
export const createDepartmentNeeds = (settings: Settings): DepartmentNeeds => {
  const { rbac } = settings.enterprise;
  const areRolesBound =
    rbac?.enabled !== false &&
    (rbac?.role_bindings ?? []).some(({ departments = [] }) => departments.length > 0);
  const bound = new Set(
    settings.multi_tenant.tenants
      .flatMap(({ bindings }) => bindings)
      .filter(({ department }) => department !== undefined)
      .map(({ channel, workspace }) => JSON.stringify([channel, workspace])),
  );
  return (channel, workspaceId) =>
    areRolesBound || (bound.size > 0 && bound.has(JSON.stringify([channel, workspaceId])));
};
