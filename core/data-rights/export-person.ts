import { randomUUID } from "node:crypto";
import { type AuditEntry, createAuditReader } from "../audit/read-log.ts";
import type { AuditLog } from "../audit-log.ts";
import { createChannelState } from "../channel-state/channel-state.ts";
import { openContent } from "../delivery/part-content.ts";
import { SealError } from "../keys/errors.ts";
import type { Hold, LegalHolds } from "../memory/legal-holds.ts";
import type { Memory, MemoryHit } from "../memory/memory.ts";
import { type Person, personTag } from "../memory/person.ts";
import { allowed } from "../operators/operator.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { PLATFORM_SCOPE, type TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import type { Consents, Decision } from "./consents.ts";
import { bucketsOf, type PersonBucket } from "./person-buckets.ts";
import { type HeldOf, messagesOf, reviewsOf, type StoredMessage } from "./person-messages.ts";
import { repliesTo } from "./person-rows.ts";
import { createTraces, type Trace } from "./traces.ts";

/** All that is stored about a person in a tenant. */
export interface PersonExport {
  readonly at: Date;
  readonly memory: readonly MemoryHit[];
  readonly messages: readonly (StoredMessage & { readonly replies: readonly string[] })[];
  /** What waits for a reviewer. */
  readonly held: readonly HeldOf[];
  readonly consents: readonly Decision[];
  /** What forbids to erase their data. */
  readonly holds: readonly Hold[];
  /** What channels keep for a while under their id: a greeting, facts of a directory. */
  readonly remembered: readonly (Trace & { readonly value: string })[];
  readonly rates: readonly PersonBucket[];
  /** What the log says that they did. */
  readonly audit: readonly AuditEntry[];
}

export interface ExportParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  readonly memory: Pick<Memory, "allOf">;
  readonly consents: Pick<Consents, "allOf">;
  readonly holds: Pick<LegalHolds, "allOn">;
  readonly now: () => Date;
}

/** Collects all that is stored about a person; on record before anything is read. */
export const exportPerson = async (
  parts: ExportParts,
  who: string,
  scope: TenantScope,
  person: Person,
): Promise<PersonExport> => {
  const { store, cipher, auditLog, memory, consents, holds, now } = parts;
  const at = now();
  const tag = personTag(await cipher.of(scope), person).toString("hex");
  const about = { scope, traceId: randomUUID(), subject: "person", detail: { person_tag: tag } };
  await auditLog.record(allowed({ who }, at, { ...about, action: "memory.export" }));

  const messages = [];
  for await (const stored of messagesOf(parts, scope, person)) {
    messages.push({ ...stored, replies: await repliesOf(parts, scope, stored.id) });
  }
  const exchanges: MemoryHit[] = [];
  for await (const exchange of memory.allOf(scope, person)) exchanges.push(exchange);
  exchanges.sort((a, b) => a.at.getTime() - b.at.getTime());
  // The log finds people by their id alone; the same id elsewhere is somebody else.
  const { channel, workspaceId, senderId } = person;
  const audit: AuditEntry[] = [];
  const entries = createAuditReader(parts).all(who, scope, { actor: senderId });
  for await (const entry of entries) {
    if (entry.channel === channel && entry.workspaceId === workspaceId) audit.push(entry);
  }
  return {
    at,
    messages,
    audit,
    memory: exchanges,
    held: await reviewsOf(parts, scope, person),
    consents: await consents.allOf(scope, person),
    holds: await holds.allOn(scope, person),
    remembered: await rememberedOf(parts, scope, person),
    rates: await bucketsOf(store, scope, person),
  };
};

const rememberedOf = async (
  parts: ExportParts,
  scope: TenantScope,
  person: Person,
): Promise<PersonExport["remembered"]> => {
  const traces = createTraces();
  traces.addPerson(person);
  const remembered: (Trace & { readonly value: string })[] = [];
  for (const of of [scope, PLATFORM_SCOPE]) {
    const state = createChannelState(person.channel, parts, of);
    for (const trace of await traces.find(parts.store, of)) {
      const found = await state.get(trace.key);
      if (found) remembered.push({ ...trace, value: found.value });
    }
  }
  return remembered;
};

const repliesOf = async (
  { store, cipher }: ExportParts,
  scope: TenantScope,
  inboxId: number,
): Promise<readonly string[]> => {
  const rows = await store.read(scope, (transaction) =>
    transaction.all(repliesTo, { tenantId: scope.tenantId, inboxId }),
  );
  const bodies: string[] = [];
  for (const { part, content } of rows) {
    try {
      bodies.push((await openContent(cipher, scope, inboxId, part, content)).body);
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
    }
  }
  return bodies;
};
