import { randomUUID } from "node:crypto";
import { wholeHeadOf } from "../audit/audit-rows.ts";
import type { AuditLog } from "../audit-log.ts";
import type { InboundMessage } from "../contract/message.ts";
import { manyIds } from "../delivery/many-ids.ts";
import type { LegalHolds } from "../memory/legal-holds.ts";
import type { Memory } from "../memory/memory.ts";
import { isSamePerson, type Person, personOf, personTag } from "../memory/person.ts";
import { allowed } from "../operators/operator.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { PLATFORM_SCOPE, type TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import type { Erasure } from "./certificate.ts";
import { bucketsOf } from "./person-buckets.ts";
import { reviewsOf, storedMessages } from "./person-messages.ts";
import {
  eraseBucket,
  eraseConsents,
  eraseMessages,
  eraseReplies,
  eraseReview,
} from "./person-rows.ts";
import { createTraces, type Traces } from "./traces.ts";

export interface EraseParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  readonly memory: Pick<Memory, "eraseMost" | "eraserOf">;
  readonly holds: Pick<LegalHolds, "isHeld" | "isAnyHeld">;
  readonly now: () => Date;
}

/** What an erasure came to; `held` = a legal hold forbids it, which is on record. */
export type Erased =
  | { readonly kind: "held" }
  | { readonly kind: "erased"; readonly erasure: Erasure };

/** Erases all that is stored about a person in a tenant but for its audit records. */
export const erasePerson = async (
  parts: EraseParts,
  who: string,
  scope: TenantScope,
  person: Person,
): Promise<Erased> => {
  const { store, cipher, auditLog, memory, holds, now } = parts;
  const { tenantId } = scope;
  const tag = personTag(await cipher.of(scope), person);
  const about = {
    scope,
    traceId: randomUUID(),
    action: "memory.erase",
    subject: "person",
  } as const;
  const facts = { person_tag: tag.toString("hex") };
  if (await holds.isHeld(scope, person)) {
    const refused = { decision: "refused", code: "LEGAL_HOLD" } as const;
    await auditLog.record({ ...allowed({ who }, now(), { ...about, detail: facts }), ...refused });
    return { kind: "held" };
  }

  await auditLog.record(begun(who, now(), { ...about, detail: facts }));
  // Before the messages: what is released until then is a message again, and found among them.
  const heldBefore = await eraseHeld(parts, scope, person);
  // Now a turn that is at one of them can store nothing any more, no memory either.
  const traces = createTraces();
  const stored = await eraseStored(parts, scope, person, traces);
  // What such a turn held just before.
  const heldMeanwhile = await eraseHeld(parts, scope, person);
  const caches = (await traces.erase(store, scope)) + (await traces.erase(store, PLATFORM_SCOPE));
  const most = await memory.eraseMost(scope, person);
  const eraseMemory = await memory.eraserOf(scope, person);
  const buckets = await bucketsOf(store, scope, person);
  const erased = await store.write(scope, async (transaction) => {
    for (const { key } of buckets) await transaction.run(eraseBucket, { tenantId, key });
    const exchanges = most + (await eraseMemory(transaction));
    const consents = await transaction.run(eraseConsents, { tenantId, person: tag });
    const held = heldBefore + heldMeanwhile;
    const counts = { ...stored, held, exchanges, consents, caches };
    const detail = { ...facts, ...counts };
    await auditLog.recordIn(transaction, allowed({ who }, now(), { ...about, detail }));
    return counts;
  });
  await store.forget();
  return {
    kind: "erased",
    erasure: {
      kind: "erasure",
      tenant: tenantId,
      erased,
      at: now().toISOString(),
      person: `${person.channel}:${person.workspaceId}:${person.senderId}`,
      kept: [
        "audit records: sealed, until audit retention removes them",
        "ids of messages: for seven days at most, so that none is taken twice",
        SANDBOX_FILES,
      ],
      audit: await chainEnd(store, scope),
    },
  };
};

/** What is no part of the store, in an erasure's list of what was kept. */
export const SANDBOX_FILES =
  "files of what skills ran (sandbox-audit): ids of messages and command lines, until whoever keeps them removes them";

/** That an erasure begins: on record before anything is gone, whatever becomes of the process. */
export const begun = (
  who: string,
  at: Date,
  about: Parameters<typeof allowed>[2],
): ReturnType<typeof allowed> => ({ ...allowed({ who }, at, about), code: "BEGUN" });

/** Where a tenant's chain has got to. */
export const chainEnd = async (store: Store, scope: TenantScope): Promise<Erasure["audit"]> => {
  const head = await store.read(scope, (transaction) =>
    transaction.first(wholeHeadOf, { tenant_id: scope.tenantId }),
  );
  return { seq: head?.seq ?? 0, hash: Buffer.from(head?.hash ?? []).toString("hex") };
};

/** What waits for a reviewer; how much. */
const eraseHeld = async (parts: EraseParts, scope: TenantScope, person: Person) => {
  const { tenantId } = scope;
  const reviews = await reviewsOf(parts, scope, person);
  if (reviews.length === 0) return 0;
  return parts.store.write(scope, async (transaction) => {
    let held = 0;
    for (const { id } of reviews) held += await transaction.run(eraseReview, { tenantId, id });
    return held;
  });
};

/** What lies in inbox and outbox; what channels may remember of it becomes `traces`. */
const eraseStored = async (
  parts: EraseParts,
  scope: TenantScope,
  person: Person,
  traces: Traces,
) => {
  const { tenantId } = scope;
  const ids: number[] = [];
  const shown: number[] = [];
  traces.addPerson(person);
  for await (const { id, state, message } of storedMessages(parts, scope)) {
    const isTheirs = isSamePerson(personOf(message), person);
    // What is on its way to a reviewer ends there, and is erased with what they were shown later.
    const isOver = state === "done" || state === "dead";
    if (!isTheirs && !(isOver && isAskedByReviewer(message))) continue;
    (isTheirs ? ids : shown).push(id);
    traces.addMessage(id, message.target);
  }
  let messages = 0;
  let replies = 0;
  for (const many of manyIds({ tenantId }, ids)) {
    const count = await parts.store.write(scope, async (transaction) => {
      // In the order in which senders lock; again, for a reply that was stored meanwhile.
      const before = await transaction.run(eraseReplies, many);
      const emptied = await transaction.run(eraseMessages, many);
      const after = await transaction.run(eraseReplies, many);
      return { emptied, replies: before + after };
    });
    messages += count.emptied;
    replies += count.replies;
  }
  let reviewers = 0;
  for (const many of manyIds({ tenantId }, shown)) {
    reviewers += await parts.store.write(scope, (transaction) =>
      transaction.run(eraseReplies, many),
    );
  }
  return { messages, replies, reviewers };
};

/**
 * Whether the reply to it may quote what was held, of whomever: once that is decided, nothing says
 * whose it was.
 */
const isAskedByReviewer = ({ content }: InboundMessage): boolean =>
  content.kind === "text" && /^\s*\/review(?:\s|$)/i.test(content.text);
