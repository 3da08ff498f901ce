import type { AuditEntry } from "../core/audit/read-log.ts";
import { csvLine } from "./csv.ts";

/** A record as the API and the verbs show it. */
export const auditView = (entry: AuditEntry) => ({
  seq: entry.seq,
  at: entry.at.toISOString(),
  tenant: entry.tenantId,
  actor: entry.actor,
  action: entry.action,
  subject: entry.subject,
  decision: entry.decision,
  code: entry.code,
  channel: entry.channel,
  workspace: entry.workspaceId,
  message: entry.messageKey,
  duration_ms: entry.durationMs,
  detail: entry.detail,
  erased: entry.isErased,
  trace: entry.traceId,
  hash: entry.hash,
});

/** How a log can be taken away. */
export const EXPORT_FORMATS = ["ndjson", "csv"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What comes before the records. */
export const exportHead = (format: ExportFormat): string =>
  format === "csv" ? csvLine(COLUMNS) : "";

/** One record, with the end of its line. */
export const exportLine = (format: ExportFormat, entry: AuditEntry): string => {
  const view = auditView(entry);
  if (format === "ndjson") return `${JSON.stringify(view)}\n`;
  return csvLine(
    COLUMNS.map((column) => (column === "detail" ? JSON.stringify(view.detail) : view[column])),
  );
};

const COLUMNS: readonly (keyof ReturnType<typeof auditView>)[] = [
  ...(["seq", "at", "tenant", "actor", "action", "subject", "decision", "code"] as const),
  ...(["channel", "workspace", "message", "duration_ms", "detail", "erased"] as const),
  ...(["trace", "hash"] as const),
];
