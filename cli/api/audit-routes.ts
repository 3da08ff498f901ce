import { z } from "zod";
import type { TenantIndex } from "../../config/tenant.ts";
import { hasLog } from "../../core/audit/has-log.ts";
import { type AuditReader, createAuditReader } from "../../core/audit/read-log.ts";
import type { AuditLog } from "../../core/audit-log.ts";
import { permits } from "../../core/operators/permissions.ts";
import type { ContentCipher } from "../../core/store/content-cipher.ts";
import { PLATFORM_SCOPE, tenantScope } from "../../core/store/scope.ts";
import type { Store } from "../../core/store/store.ts";
import { auditView, EXPORT_FORMATS, exportHead, exportLine } from "../audit-view.ts";
import { INSTANT_FORM, parseInstant } from "../instants.ts";
import { askedTenant, filled, forbid } from "./asked-tenant.ts";
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
  const { tenants } = parts;
  const reader: AuditReader = createAuditReader(parts);

  const tenantOf = async (call: Call): Promise<string> => {
    const tenant = await askedTenant(parts, call, "log:view");
    const isKnown = tenant === PLATFORM_SCOPE.tenantId || tenants().get(tenant) !== undefined;
    if (isKnown || (await hasLog(parts.store, tenantScope(tenant)))) return tenant;
    throw new ApiError(404, "NOT_FOUND", "there is no tenant of that id, and never was");
  };

  const logs: Route["handle"] = async (call) => {
    const tenant = await tenantOf(call);
    const { format: asked, ...wanted } = checked("query", auditQuery, filled(call.query));
    const format = asked ?? FORMATS[call.prefers(Object.keys(FORMATS)) ?? ""];
    if (format === undefined) {
      throw new ApiError(
        406,
        "BAD_REQUEST",
        `Accept: the log is to be had as ${Object.keys(FORMATS).join(", ")}`,
      );
    }
    if (format !== "json" && !permits(call.key.permissions, "audit:export")) {
      const message = "this key has no permission audit:export: ask for JSON";
      await forbid(parts, call, "audit:export", message);
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

// No database compares text with a NUL in it.
const visible = z.string().regex(/^\P{C}*$/u, "visible characters");

/** What `GET /api/audit/logs` takes. */
export const auditQuery = z.strictObject({
  tenant: z.string().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
  actor: visible.max(256, "a user id, the id of an API key, or cli").optional(),
  action: visible.max(64, "an action, e.g. message or skill.run").optional(),
  cursor: wholeNumber.optional(),
  limit: wholeNumber.pipe(z.int().min(1).max(1_000)).default(100),
  format: z.enum(["json", ...EXPORT_FORMATS]).optional(),
});

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
