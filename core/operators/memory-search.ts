import { randomUUID } from "node:crypto";
import type { AuditLog } from "../audit-log.ts";
import type { Memory, MemoryHit, MemoryQuery } from "../memory/memory.ts";
import type { TenantScope } from "../store/scope.ts";
import { allowed } from "./operator.ts";

/** Looks into a tenant's memory for an operator; that it was done is on record in the tenant's log. */
export type MemorySearch = (
  who: string,
  scope: TenantScope,
  query: MemoryQuery,
) => Promise<readonly MemoryHit[]>;

export const createMemorySearch =
  ({
    memory,
    auditLog,
    now,
  }: {
    readonly memory: Pick<Memory, "search">;
    readonly auditLog: Pick<AuditLog, "record">;
    readonly now: () => Date;
  }): MemorySearch =>
  async (who, scope, query) => {
    const hits = await memory.search(scope, query);
    // Not what was looked for: it may be what somebody said.
    const subject = query.person ? "person" : "tenant";
    const about = { scope, traceId: randomUUID(), subject, detail: { shown: hits.length } };
    await auditLog.record(allowed({ who }, now(), { ...about, action: "memory.search" }));
    return hits;
  };
