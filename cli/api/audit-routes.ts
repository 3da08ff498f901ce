import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { TenantIndex } from "../../config/tenant.ts";
import { type AuditReader, createAuditReader } from "../../core/audit/read-log.ts";
import type { AuditLog } from "../../core/audit-log.ts";
import { homeOf } from "../../core/operators/operator.ts";
import { type Permission, permits } from "../../core/operators/permissions.ts";
import type { ContentCipher } from "../../core/store/content-cipher.ts";
import { PLATFORM_SCOPE, tenantScope } from "../../core/store/scope.ts";
import type { Store } from "../../core/store/store.ts";
import { auditView, EXPORT_FORMATS, exportHead, exportLine } from "../audit-view.ts";
import { INSTANT_FORM, parseInstant } from "../instants.ts";
import { checked } from "./checked.ts";
import { ApiError } from "./errors.ts";
import type { Call, Route } from "./route.ts";

export interface AuditRouteParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  readonly tenants: () => Pick<TenantIndex, "get">;
  readonly now: () => Date;
}

/** What the route of the audit log does. */
export const auditHandlers = (parts: AuditRouteParts) => {
  const { auditLog, tenants, now } = parts;
  const reader: AuditReader = createAuditReader(parts);

  /** Refuses, and puts on record with whose key that was tried. */
  const forbid = async ({ key }: Call, permission: Permission, message: string): Promise<never> => {
    await auditLog.record({
      ...{ at: now(), traceId: randomUUID(), actor: key.id, action: "api", durationMs: 0 },
      scope: homeOf({ who: key.id, tenantId: key.tenantId }),
      ...{ subject: permission, decision: "refused", code: "FORBIDDEN" },
    });
    throw new ApiError(403, "FORBIDDEN", message);
  };

  const tenantOf = async (call: Call): Promise<string> => {
    const own = call.operator.tenantId;
    const { tenant = own } = checked("query", tenantSchema, filled(call.query));
    if (tenant === undefined) {
      throw new ApiError(
        400,
        "BAD_REQUEST",
        `query: this key is for all tenants: say whose log with tenant=, e.g. tenant=${PLATFORM_SCOPE.tenantId} for what belongs to none`,
      );
    }
    if (own !== undefined && tenant !== own) {
      return forbid(call, "log:view", `this request is for tenant ${own} only: leave tenant= out`);
    }
    const isKnown = tenant === PLATFORM_SCOPE.tenantId || tenants().get(tenant) !== undefined;
    if (isKnown || (await reader.hasLog(tenantScope(tenant)))) return tenant;
    throw new ApiError(404, "NOT_FOUND", "there is no tenant of that id, and never was");
  };

  const logs: Route["handle"] = async (call) => {
    const tenant = await tenantOf(call);
    const { format: asked, ...wanted } = checked("query", querySchema, filled(call.query));
    const format = asked ?? FORMATS[call.prefers(Object.keys(FORMATS)) ?? ""];
    if (format === undefined) {
      throw new ApiError(
        406,
        "BAD_REQUEST",
        `Accept: the log is to be had as ${Object.keys(FORMATS).join(", ")}`,
      );
    }
    if (format !== "json" && !permits(call.key.permissions, "audit:export")) {
      await forbid(call, "audit:export", "this key has no permission audit:export: ask for JSON");
    }
    const timeZone = tenants().get(tenant)?.timeZone ?? "UTC";
    const { limit, cursor, actor, action } = wanted;
    const from = instant("from", wanted.from, timeZone, "start");
    const to = instant("to", wanted.to, timeZone, "end");
    if (from && to && from >= to) {
      throw new ApiError(400, "BAD_REQUEST", "query: from: must be before to");
    }
    const filter = { from, to, actor, action, cursor, limit };
    const { entries, next } = await reader.page(call.operator.who, tenantScope(tenant), filter);
    if (format === "json") {
      return { status: 200, body: { records: entries.map(auditView), next: next ?? null } };
    }
    const lines = entries.map((entry) => exportLine(format, entry));
    return {
      status: 200,
      type: TYPES[format],
      headers: next === undefined ? {} : { "X-Next-Cursor": String(next) },
      body: exportHead(format) + lines.join(""),
    };
  };

  return { logs };
};

const FORMATS: Readonly<Record<string, "json" | "ndjson" | "csv">> = {
  "application/json": "json",
  "application/x-ndjson": "ndjson",
  "text/csv": "csv",
};

const TYPES = {
  ndjson: "application/x-ndjson; charset=utf-8",
  csv: "text/csv; charset=utf-8",
} as const;

const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/, "a whole number")
  .transform(Number);

const tenantSchema = z.looseObject({
  tenant: z
    .string("one tenant id")
    .regex(/^(_platform|[a-z0-9][a-z0-9_-]{0,62})$/, "one tenant id")
    .optional(),
});

const querySchema = z.strictObject({
  tenant: z.string().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
  actor: z.string().max(256, "a user id, the id of an API key, or cli").optional(),
  action: z.string().max(64, "an action, e.g. message or skill.run").optional(),
  cursor: wholeNumber.optional(),
  limit: wholeNumber.pipe(z.int().min(1).max(1_000)).default(100),
  format: z.enum(["json", ...EXPORT_FORMATS]).optional(),
});

/** Without the parameters that are there but empty, which ask for nothing. */
const filled = (query: Call["query"]): Call["query"] =>
  Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ""));

const instant = (
  name: string,
  text: string | undefined,
  timeZone: string,
  edge: "start" | "end",
): Date | undefined => {
  if (text === undefined) return undefined;
  const at = parseInstant(text, timeZone, edge);
  if (at) return at;
  throw new ApiError(400, "BAD_REQUEST", `query: ${name}: must be ${INSTANT_FORM}`);
};
