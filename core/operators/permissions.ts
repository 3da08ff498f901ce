/** What an API key can be allowed to do, and what that means. */
export const PERMISSIONS = {
  "queue:view": "list what waits, is being sent or is dead, with ages and depths",
  "queue:manage": "replay and drop messages",
  "content:review": "read what is held for a reviewer, and release or reject it",
  "log:view": "read the audit log",
  "audit:export": "take the audit log away as NDJSON or CSV; with log:view",
  "tenant:view": "see the tenant's settings, without secrets, and what its models cost this month",
  "memory:view": "search what the tenant's people asked and were answered",
  "memory:manage": "export and erase a person's data, hold what must be kept",
  "agent:view": "list the tenant's agents",
  "skill:view": "list the skills that the tenant may use",
  "metrics:view": "read what the gateway counts, for all tenants: operators' keys only",
  "key:manage": "list and revoke API keys, and create some, none of them mightier than its own",
  "*": "everything, also what later versions add",
} as const;

export type Permission = keyof typeof PERMISSIONS;

/** Whether this is the name of a permission. */
export const isPermission = (name: string): name is Permission => Object.hasOwn(PERMISSIONS, name);

/** Whether somebody with these permissions has this one. */
export const permits = (held: readonly Permission[], wanted: Permission): boolean =>
  held.includes("*") || held.includes(wanted);
