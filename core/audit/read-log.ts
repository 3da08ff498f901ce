import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { type AuditLog, actorText, personalPlace } from "../audit-log.ts";
import { SealError } from "../keys/errors.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { matchingRecords, wholeHeadOf } from "./audit-rows.ts";
import type { AuditRow } from "./chain.ts";
import { firstRecordedSince } from "./seek.ts";
import { type StoredRecord, shownRecord } from "./stored-record.ts";

/** Which records are wanted; what is absent does not narrow. */
export interface AuditFilter {
  /** From this instant on. */
  readonly from?: Date | undefined;
  /** Before this instant. */
  readonly to?: Date | undefined;
  /** Whose: a platform's user id, the id of an API key, or `cli`. */
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
}

/** One record, what was sealed in it opened. */
export interface AuditEntry {
  readonly tenantId: string;
  readonly seq: number;
  readonly at: Date;
  readonly traceId: string;
  readonly channel: string;
  readonly workspaceId: string;
  readonly actor: string;
  readonly messageKey: string;
  readonly action: string;
  readonly subject: string;
  readonly decision: string;
  readonly code: string;
  readonly durationMs: number;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Actor, message key and detail are gone for good: their key was destroyed. */
  readonly isErased: boolean;
  /** In hex. */
  readonly hash: string;
}

export interface AuditPage {
  /** Oldest first. */
  readonly entries: readonly AuditEntry[];
  /** Where to go on, even if this page is empty: not all of the chain was gone through. */
  readonly next?: number;
}

/** Reads the tenants' logs. That somebody did so is itself on record in the log that was read. */
export interface AuditReader {
  /** A page of at most `limit` records behind number `cursor`. */
  page(
    who: string,
    scope: TenantScope,
    filter: AuditFilter & { readonly cursor?: number | undefined; readonly limit: number },
  ): Promise<AuditPage>;
  /** All of them as they are now, page by page; put on record before the first one. */
  all(who: string, scope: TenantScope, filter: AuditFilter): AsyncIterable<AuditEntry>;
}

export interface AuditReaderParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  readonly now: () => Date;
}

// The database goes through so many records at a time, which takes an embedded one some milliseconds;
const STEP = 2_000;
// a page is cut short after so many, so that no question keeps it busy for long.
const MOST_STEPS = 50;
const ALL_AT_A_TIME = 1_000;

export const createAuditReader = (parts: AuditReaderParts): AuditReader => {
  const { store, cipher, auditLog, now } = parts;

  const boundsOf = async (scope: TenantScope, { from }: AuditFilter): Promise<Bounds> => {
    const head = await store.read(scope, (transaction) =>
      transaction.first(wholeHeadOf, { tenant_id: scope.tenantId }),
    );
    if (!head) return { first: 1, last: 0 };
    const chain = { from: head.cut_seq + 1, to: head.seq };
    // A clock that was ahead and was set back leaves records that began before those in front of
    // them: nothing tells where the last one before `to` is, so all are gone through.
    const first = from ? await firstRecordedSince(store, scope, chain, from.getTime()) : chain.from;
    return { first, last: chain.to };
  };

  const tagOf = async (scope: TenantScope, actor: string | undefined): Promise<Buffer> =>
    actor === undefined ? NOBODY : (await cipher.of(scope)).fingerprint(actorText(actor));

  const find = async (
    scope: TenantScope,
    filter: AuditFilter,
    { first, last }: Bounds,
    limit: number,
  ): Promise<AuditPage> => {
    const { from, to, actor, action } = filter;
    const wanted = {
      tenant_id: scope.tenantId,
      from: from?.getTime() ?? 0,
      to: to?.getTime() ?? Number.MAX_SAFE_INTEGER,
      any_actor: actor === undefined ? 1 : 0,
      actor: actor ?? "",
      tag: await tagOf(scope, actor),
      any_action: action === undefined ? 1 : 0,
      action: action ?? "",
    };
    const found: StoredRecord[] = [];
    let after = first - 1;
    for (let step = 0; after < last && step < MOST_STEPS; step++) {
      if (step > 0) await setImmediate();
      const upTo = Math.min(after + STEP, last);
      const args = { ...wanted, after, up_to: upTo, limit: limit - found.length };
      found.push(
        ...(await store.read(scope, (transaction) => transaction.all(matchingRecords, args))),
      );
      after = found.length < limit ? upTo : (found.at(-1)?.seq ?? upTo);
      if (found.length === limit) break;
    }
    const entries: AuditEntry[] = [];
    for (const row of found) entries.push(await opened(cipher, scope, shownRecord(row)));
    return after < last ? { entries, next: after } : { entries };
  };

  const putOnRecord = async (
    who: string,
    scope: TenantScope,
    action: "audit.read" | "audit.export",
    { from, to, actor, action: wanted }: AuditFilter,
    more: Readonly<Record<string, number>>,
  ): Promise<void> => {
    // Whom they looked for is a person: by the keyed hash, like everybody's name here.
    const tag = actor === undefined ? undefined : (await tagOf(scope, actor)).toString("hex");
    await auditLog.record({
      at: now(),
      traceId: randomUUID(),
      scope,
      actor: who,
      action,
      subject: "log",
      decision: "allowed",
      code: "OK",
      durationMs: 0,
      detail: {
        ...(from && { from: from.toISOString() }),
        ...(to && { to: to.toISOString() }),
        ...(tag !== undefined && { actor_tag: tag }),
        ...(wanted !== undefined && { action: wanted }),
        ...more,
      },
    });
  };

  return {
    page: async (who, scope, { cursor, limit, ...filter }) => {
      const bounds = await boundsOf(scope, filter);
      const first = Math.max(bounds.first, (cursor ?? 0) + 1);
      const page = await find(scope, filter, { ...bounds, first }, limit);
      const facts = { ...(cursor !== undefined && { cursor }), shown: page.entries.length };
      await putOnRecord(who, scope, "audit.read", filter, facts);
      return page;
    },

    all: async function* (who, scope, filter) {
      const bounds = await boundsOf(scope, filter);
      await putOnRecord(who, scope, "audit.export", filter, {});
      for (let next: number | undefined = bounds.first - 1; next !== undefined; ) {
        const page: AuditPage = await find(
          scope,
          filter,
          { ...bounds, first: next + 1 },
          ALL_AT_A_TIME,
        );
        yield* page.entries;
        next = page.next;
      }
    },
  };
};

/** Numbers of the records to go through, both included. */
interface Bounds {
  readonly first: number;
  readonly last: number;
}

const NOBODY = Buffer.alloc(0);

const opened = async (
  cipher: ContentCipher,
  scope: TenantScope,
  row: AuditRow,
): Promise<AuditEntry> => {
  const personal = await personalOf(cipher, scope, row);
  return {
    tenantId: row.tenant_id,
    seq: row.seq,
    at: new Date(row.at),
    traceId: row.trace_id,
    channel: row.channel,
    workspaceId: row.workspace_id,
    actor: personal?.sender_id ?? "",
    messageKey: personal?.message_key ?? "",
    action: row.action,
    subject: row.subject,
    decision: row.decision,
    code: row.code,
    durationMs: row.duration_ms,
    detail: personal?.detail ?? {},
    isErased: personal === undefined,
    hash: Buffer.from(row.hash).toString("hex"),
  };
};

interface Personal {
  readonly sender_id: string;
  readonly message_key: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

const personalOf = async (
  cipher: ContentCipher,
  scope: TenantScope,
  { personal, trace_id, sender_id, message_key, detail }: AuditRow,
): Promise<Personal | undefined> => {
  try {
    if (personal === null) return { sender_id, message_key, detail: JSON.parse(detail) };
  } catch {
    // Somebody was at it, which `audit verify` tells; the others are shown nevertheless.
    return { sender_id, message_key, detail: { damaged: 1 } };
  }
  try {
    return JSON.parse(String(await cipher.open(scope, personalPlace(trace_id), personal)));
  } catch (cause) {
    if (cause instanceof SealError) return undefined;
    throw cause;
  }
};
