import type { Permission } from "./permissions.ts";

/** One thing that can be asked of the gateway, and what it takes to ask. */
interface Operation {
  /** What it does, for people. */
  readonly does: string;
  /** What an API key needs, or for a chat command one of the sender's roles. */
  readonly needs: Permission | ChatPermission | AnyKey;
  /** Method and path, as the router reads it. */
  readonly http?: string;
  /** Words behind `clawgate`. Whoever sits at the gateway's machine has every permission. */
  readonly cli?: string;
  /** The command that is the whole message, or begins it. */
  readonly chat?: string;
}

/** What roles give people in a chat; no API key has it. */
type ChatPermission = "agent:chat";

/** A key that counts, whatever it may do: what is told so is no tenant's. */
type AnyKey = "any key";

/** What a route asks of the key that comes with a request. */
export type KeyNeed = Permission | AnyKey;

/** The one table of permissions: what is not in it is not to be had. */
export const OPERATIONS = [
  {
    does: "List messages that are not done",
    needs: "queue:view",
    http: "GET /api/queue",
    cli: "queue list",
  },
  {
    does: "Show one message and the parts of its reply",
    needs: "queue:view",
    http: "GET /api/queue/:id",
    cli: "queue show",
  },
  {
    does: "Let a dead message go on",
    needs: "queue:manage",
    http: "POST /api/queue/:id/replay",
    cli: "queue replay",
  },
  {
    does: "Give up a message",
    needs: "queue:manage",
    http: "DELETE /api/queue/:id",
    cli: "queue drop",
  },
  {
    does: "Take back an answer that must not stand",
    needs: "queue:manage",
    cli: "queue recall",
  },
  {
    does: "List what waits for a reviewer",
    needs: "content:review",
    http: "GET /api/approvals",
    cli: "review list",
  },
  {
    does: "Let go on what was held",
    needs: "content:review",
    http: "POST /api/approvals/:id/release",
    cli: "review release",
  },
  {
    does: "Stop for good what was held",
    needs: "content:review",
    http: "POST /api/approvals/:id/reject",
    cli: "review reject",
  },
  { does: "See what is held, and decide on it", needs: "content:review", chat: "/review" },
  { does: "Read the audit log", needs: "log:view", http: "GET /api/audit/logs" },
  { does: "Take an audit log away", needs: "audit:export", cli: "audit export" },
  { does: "Prove that audit logs are whole", needs: "log:view", cli: "audit verify" },
  {
    does: "Search what was asked and answered",
    needs: "memory:view",
    http: "GET /api/memory/search",
    cli: "memory search",
  },
  { does: "Keep what must be kept", needs: "memory:manage", cli: "memory hold" },
  {
    does: "Export a person's data",
    needs: "memory:manage",
    http: "POST /api/data-rights/export",
    cli: "memory export",
  },
  {
    does: "Erase a person's data",
    needs: "memory:manage",
    http: "POST /api/data-rights/erase",
  },
  { does: "Erase a person or a tenant", needs: "memory:manage", cli: "memory erase" },
  { does: "End a hold", needs: "memory:manage", cli: "memory release" },
  { does: "List API keys", needs: "key:manage", http: "GET /api/keys", cli: "key list" },
  { does: "Create an API key", needs: "key:manage", http: "POST /api/keys", cli: "key create" },
  {
    does: "Revoke an API key",
    needs: "key:manage",
    http: "DELETE /api/keys/:id",
    cli: "key revoke",
  },
  { does: "Encrypt every tenant's data key anew", needs: "*", cli: "key rotate" },
  {
    does: "List the tenants, with what they cost this month",
    needs: "tenant:view",
    http: "GET /api/tenants",
    cli: "tenant list",
  },
  {
    does: "List a tenant's agents",
    needs: "agent:view",
    http: "GET /api/agents",
    cli: "agent list",
  },
  { does: "Say which agent and models a text would get", needs: "agent:view", cli: "agent route" },
  { does: "List the skills a tenant may use", needs: "skill:view", http: "GET /api/skills" },
  { does: "Read what is counted", needs: "metrics:view", http: "GET /metrics" },
  { does: "Read what this API can do", needs: "any key", http: "GET /api/openapi.json" },
  { does: "Show a tenant's settings and spending", needs: "tenant:view", cli: "tenant show" },
  { does: "Say what somebody may do, and why", needs: "tenant:view", cli: "tenant who" },
  { does: "Say what a tenant allows", needs: "tenant:view", cli: "policy explain" },
  { does: "Judge texts by a tenant's lexicons", needs: "tenant:view", cli: "policy moderation" },
  { does: "Judge texts by a tenant's data rules", needs: "tenant:view", cli: "policy dlp" },
  { does: "Serve until told to stop", needs: "*", cli: "start" },
  { does: "Play a chat platform", needs: "*", cli: "simulate wecom" },
  { does: "Play a chat platform", needs: "*", cli: "simulate slack" },
  { does: "Play a chat platform", needs: "*", cli: "simulate discord" },
  { does: "Check what the gateway needs", needs: "*", cli: "doctor" },
  { does: "Write first settings", needs: "*", cli: "init" },
  { does: "Check the settings", needs: "*", cli: "config check" },
  { does: "Show the settings, without secrets", needs: "*", cli: "config show" },
  { does: "Try the sandbox", needs: "*", cli: "sandbox probe" },
  { does: "Run one job in the sandbox", needs: "*", cli: "sandbox run" },
  { does: "Say what the sandbox allows", needs: "*", cli: "sandbox explain" },
  { does: "Take a sandbox policy over", needs: "*", cli: "sandbox policy import" },
  { does: "Write the sandbox policy out", needs: "*", cli: "sandbox policy export" },
  { does: "Say what a sandbox policy means", needs: "*", cli: "sandbox policy explain" },
  { does: "Show the key that proves audit logs", needs: "*", cli: "audit public-key" },
  { does: "Prove a certificate of erasure", needs: "*", cli: "memory verify" },
  { does: "End the running turn of the conversation", needs: "agent:chat", chat: "/stop" },
  { does: "Consent, or take it back", needs: "agent:chat", chat: "/consent" },
  { does: "Erase what is remembered of the sender", needs: "agent:chat", chat: "/forget" },
] as const satisfies readonly Operation[];

/** The name of a route, e.g. `GET /api/queue`. */
export type RouteName = Extract<(typeof OPERATIONS)[number], { readonly http: string }>["http"];

const all: readonly Operation[] = OPERATIONS;

const ofRoutes = new Map(all.flatMap((each) => (each.http ? [[each.http, each]] : [])));

/** What a route does and takes. Throws RangeError for one that the table does not have. */
export const routeOperation = (name: RouteName): { does: string; needs: KeyNeed } => {
  const found = ofRoutes.get(name);
  if (!found || found.needs === "agent:chat") {
    throw new RangeError(`${name} is not in the table of permissions`);
  }
  return { does: found.does, needs: found.needs };
};

const ofCommands = new Map(all.flatMap(({ chat, needs }) => (chat ? [[chat, needs]] : [])));

/** What the sender of a text needs: a command's own permission, else that to talk to an agent. */
export const chatPermission = (text: string): string => {
  const command = /^\s*(\/[a-z]+)(?!\S)/i.exec(text)?.[1] ?? "";
  return ofCommands.get(command.toLowerCase()) ?? "agent:chat";
};
