import { parsePerson } from "./person.ts";
import type { Settings } from "./schema.ts";

/** The ids of those groups of a workspace that roles are bound to. */
export type BoundGroups = (channel: string, workspaceId: string) => readonly string[];

/** Groups of an identity provider, and others that no platform knows, are not among them. */
export const createBoundGroups = (settings: Settings): BoundGroups => {
  const { rbac } = settings.enterprise;
  const bound = new Map<string, Set<string>>();
  const bindings = rbac?.enabled === false ? [] : (rbac?.role_bindings ?? []);
  for (const group of bindings.flatMap(({ groups = [] }) => groups)) {
    const { channel, workspaceId, senderId: id } = parsePerson(group) ?? {};
    if (channel === undefined || workspaceId === undefined || id === undefined) continue;
    const key = JSON.stringify([channel, workspaceId]);
    bound.set(key, (bound.get(key) ?? new Set()).add(id));
  }
  const lists = new Map([...bound].map(([key, ids]) => [key, [...ids]]));
  return (channel, workspaceId) =>
    lists.size === 0 ? [] : (lists.get(JSON.stringify([channel, workspaceId])) ?? []);
};
