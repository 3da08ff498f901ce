import { headOf, insertRecord, moveHead, setHead } from "./audit/audit-rows.ts";
import { type AuditFacts, digestOf, type Head, linkAfter, NO_HEAD } from "./audit/chain.ts";
import type { InboundMessage } from "./contract/message.ts";
import type { ContentCipher, TenantCipher } from "./store/content-cipher.ts";
import type { TenantScope } from "./store/scope.ts";
import type { Answer, Store, Transaction, WriteAll } from "./store/store.ts";
import { whenThere } from "./when-there.ts";

/** Who did what, and what was decided. Never what was said. */
export interface AuditRecord {
  readonly at: Date;
  readonly traceId: string;
  readonly scope: TenantScope;
  /** Whose action it was; absent for what came from nobody that we know. */
  readonly message?: Pick<InboundMessage, "channel" | "workspaceId" | "sender" | "id">;
  /** Only where there is no message: the channel it came by. */
  readonly channel?: string;
  /** Only where there is no message: the operator, `cli` or the id of an API key. */
  readonly actor?: string;
  readonly action:
    | "message"
    | "skill.run"
    | "webhook"
    | "api"
    | "key.rotate"
    | "model.call"
    | "budget.alert"
    | `audit.${"read" | "export" | "cut"}`
    | `memory.${"search" | "export" | "erase" | "expire" | "hold" | "release"}`
    | "consent"
    | `review.${"hold" | "list" | "show" | "release" | "reject" | "expire" | "withdraw"}`
    | `queue.${"list" | "show" | "replay" | "drop" | "recall"}`
    | `tenant.${"list" | "show"}`
    | "agent.list"
    | "skill.list"
    | `key.${"create" | "list" | "revoke"}`;
  /** What was acted on: the kind of message, the skill's name, an id, or the step of a rotation. */
  readonly subject: string;
  readonly decision: "answered" | "refused" | "silent" | "allowed" | "failed";
  /** Stable reason code; `OK` when there is nothing to explain. */
  readonly code: string;
  readonly durationMs: number;
  /** Facts for an auditor, without user text, e.g. the skill's digest. */
  readonly detail?: Readonly<Record<string, string | number>>;
  /** Only where there is no message: the facts name people, so they are sealed. Default false. */
  readonly namesPeople?: boolean;
}

/** A record of an operator's or of the gateway's own: it tells of no person, so nothing is sealed. */
export type OwnRecord = AuditRecord & {
  readonly message?: never;
  readonly namesPeople?: never;
};

/** A record that can be written: what is personal in it is sealed. */
export interface PreparedRecord {
  readonly facts: AuditFacts;
  readonly digest: Uint8Array;
}

/** Append-only; a record that was written is never changed. */
export interface AuditLog {
  /** Resolves once written. A turn whose record cannot be written must not go on. */
  record(record: AuditRecord): Promise<void>;
  /** Seals what tells of a person. Before the transaction that writes it, never within one. */
  prepare(record: AuditRecord): Answer<PreparedRecord>;
  /**
   * Writes within a transaction of the record's own scope: what it tells happens with it or not at
   * all. The last thing that the transaction does: until it ends, the tenant's other records wait.
   */
  recordIn(transaction: Transaction, record: OwnRecord | PreparedRecord): Answer<void>;
}

/** Where in the store a record's sealed part belongs. Its row the chain holds it to. */
export const personalPlace = (traceId: string): string => `audit/${traceId}/personal`;

/** What the keyed hash of a person is made of; case is no part of a platform's user ids. */
export const actorText = (senderId: string): string => `audit actor ${senderId.toLowerCase()}`;

/**
 * The log on this store.
 * @param cipher absent where no person's actions are put on record, and no keys are at hand
 */
export const createAuditLog = (store: Store, cipher?: ContentCipher): AuditLog => {
  const prepare: AuditLog["prepare"] = (record) => {
    if (!isPersonal(record)) return finished(factsOf(record, NOTHING_SEALED));
    if (!cipher) throw new Error("what names people cannot be put on record without keys");
    return whenThere(cipher.of(record.scope), (own) =>
      finished(factsOf(record, sealed(own, record))),
    );
  };

  const appends = new Map<string, WriteAll<PreparedRecord>>();
  const appendTo = (tenantId: string): WriteAll<PreparedRecord> => {
    const append = appends.get(tenantId) ?? createAppend(tenantId);
    appends.set(tenantId, append);
    return append;
  };

  const recordIn: AuditLog["recordIn"] = (transaction, record) => {
    const prepared = "facts" in record ? record : finished(factsOf(record, NOTHING_SEALED));
    return store.dialect === "postgres"
      ? insertUnlinked(transaction, prepared)
      : transaction.leave(appendTo(prepared.facts.tenant_id), prepared);
  };

  return {
    prepare,
    recordIn,
    record: async (record) => {
      const prepared = await prepare(record);
      await store.note(record.scope, (transaction) => recordIn(transaction, prepared));
    },
  };
};

const NOTHING_SEALED = { personal: null, actor_tag: null };

const sealed = (
  own: TenantCipher,
  { traceId, message, actor = "", detail = {} }: AuditRecord,
): Pick<AuditFacts, "personal" | "actor_tag"> => {
  const sender_id = message?.sender.id ?? actor;
  const plain = JSON.stringify({ sender_id, message_key: message?.id ?? "", detail });
  return {
    personal: own.seal(personalPlace(traceId), plain),
    actor_tag: message ? own.tag(actorText(sender_id)) : null,
  };
};

const isPersonal = ({ message, namesPeople = false }: AuditRecord): boolean =>
  message !== undefined || namesPeople;

/** Puts records at the end of this tenant's chain, which in SQLite nobody else does. */
const createAppend = (tenant_id: string): WriteAll<PreparedRecord> => {
  // Where the chain was when this process last wrote, which saves asking. The database has the last
  // word: another process may have written since, or our own transaction may not have come to its end.
  let known: Head | undefined;
  return async (transaction, records) => {
    const was = known && { was_seq: known.seq, was_hash: known.hash };
    let { rows, head } = rowsBehind(known ?? NO_HEAD, records);
    if (!was || (await transaction.run(moveHead, { tenant_id, ...head, ...was })) === 0) {
      const stored = await transaction.first(headOf, { tenant_id });
      ({ rows, head } = rowsBehind(stored ?? NO_HEAD, records));
      await transaction.execute(setHead, { tenant_id, ...head });
    }
    known = head;
    for (const row of rows) {
      const stored = transaction.execute(insertRecord(row), row);
      if (stored instanceof Promise) await stored;
    }
  };
};

/** Records as rows behind a chain's head, and where it gets to with them. */
const rowsBehind = (before: Head, records: readonly PreparedRecord[]) => {
  let head = before;
  const rows = records.map(({ facts, digest }) => {
    const link = linkAfter(head, facts, digest);
    head = link;
    // Node 20 adds each property after a spread by the slow way: 8 us for these, assigned 0.4.
    return Object.assign({}, facts, link);
  });
  return { rows, head };
};

/** In PostgreSQL a trigger puts the link here, holding the chain no longer than to the end of the transaction. */
const insertUnlinked = async (
  transaction: Transaction,
  { facts, digest }: PreparedRecord,
): Promise<void> => {
  await transaction.execute(insertRecord(facts), { ...facts, ...NO_LINK, hash: digest });
};

const NO_LINK = { seq: 0, recorded_at: 0, prev: new Uint8Array(0) };

const finished = (facts: AuditFacts): PreparedRecord => ({ facts, digest: digestOf(facts) });

const factsOf = (
  record: AuditRecord,
  sealed: Pick<AuditFacts, "personal" | "actor_tag">,
): AuditFacts => ({
  tenant_id: record.scope.tenantId,
  at: record.at.getTime(),
  trace_id: record.traceId,
  channel: record.message?.channel ?? record.channel ?? "",
  workspace_id: record.message?.workspaceId ?? "",
  sender_id: record.message ? "" : (record.actor ?? ""),
  message_key: "",
  action: record.action,
  subject: record.subject,
  decision: record.decision,
  code: record.code,
  duration_ms: Math.max(0, Math.round(record.durationMs)),
  detail: JSON.stringify(isPersonal(record) ? {} : (record.detail ?? {})),
  personal: sealed.personal,
  actor_tag: sealed.actor_tag,
});
