import { join } from "node:path";
import { openFileSink } from "./file-sink.ts";
import { jsonLine } from "./json-line.ts";
import { KIND, ocsfBase } from "./ocsf.ts";
import type { AuditSink } from "./trail.ts";

export interface AuditFileOptions {
  /** One file, or a folder that gets a file for each day (UTC): `audit-2026-01-31.jsonl`. Absolute. */
  readonly place: { readonly file: string } | { readonly folder: string };
  readonly log: { warn(fields: object, text: string): void };
  readonly now?: () => Date;
}

/** Scope of what belongs to no tenant. */
const PLATFORM = "_platform";

/** Opens the audit file. Throws SandboxError when that is not possible: without a record nothing runs. */
export const openAuditFile = (options: AuditFileOptions): Promise<AuditSink> => {
  const { place, log, now = () => new Date() } = options;
  return openFileSink({
    path: () =>
      "file" in place
        ? place.file
        : join(place.folder, `audit-${now().toISOString().slice(0, 10)}.jsonl`),
    lossLine: (count) =>
      jsonLine({
        tenant: PLATFORM,
        run_id: null,
        skill: null,
        message: null,
        seq: 0,
        event: "dropped",
        ...ocsfBase(KIND.loss, { at: now(), tenantId: PLATFORM, runId: "", sequence: 0 }),
        dropped: count,
      }),
    log,
  });
};

/** Why `openshell.audit.export_to` does not do what it says; undefined when it does. */
export const exportProblem = (exportTo: string | undefined): string | undefined =>
  exportTo === undefined || exportTo === "file"
    ? undefined
    : `openshell.audit.export_to ${exportTo}: this version has no such exporter; records go to the audit file`;
