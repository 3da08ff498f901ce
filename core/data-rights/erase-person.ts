import { randomUUID } from "node:crypto";
import { wholeHeadOf } from "../audit/audit-rows.ts";
import type { AuditLog } from "../audit-log.ts";
import { deleteRow, keysBetween } from "../channel-state/rows.ts";
import { manyIds } from "../delivery/many-ids.ts";
import type { LegalHolds } from "../memory/legal-holds.ts";
import type { Memory } from "../memory/memory.ts";
import { type Person, personTag } from "../memory/person.ts";
import { allowed } from "../operators/operator.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { PLATFORM_SCOPE, type TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import type { Erasure } from "./certificate.ts";
import { messagesOf, reviewsOf } from "./person-messages.ts";
import {
  eraseBucket,
  eraseConsents,
  eraseMessages,
  eraseReplies,
  eraseReview,
} from "./person-rows.ts";

export interface EraseParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  readonly memory: Pick<Memory, "eraserOf">;
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
  const tag = await personTag(cipher, scope, person);
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

  // Before the messages: what is released until then is a message again, and found among them.
  const heldBefore = await eraseHeld(parts, scope, person);
  // Now a turn that is at one of them can store nothing any more, no memory either.
  const { spelt, ...stored } = await eraseStored(parts, scope, person);
  // What such a turn held just before.
  const heldMeanwhile = await eraseHeld(parts, scope, person);
  const caches = await eraseCaches(parts, scope, person);
  const eraseMemory = await memory.eraserOf(scope, person);
  const erased = await store.write(scope, async (transaction) => {
    for (const sender of spelt) {
      const bucket = JSON.stringify([person.channel, person.workspaceId, sender]);
      await transaction.run(eraseBucket, { tenantId, key: `user/${bucket}` });
    }
    const exchanges = await eraseMemory(transaction);
    const consents = await transaction.run(eraseConsents, { tenantId, person: tag });
    const held = heldBefore + heldMeanwhile;
    const counts = { ...stored, held, exchanges, consents, caches };
    const detail = { ...facts, ...counts };
    await auditLog.recordIn(transaction, allowed({ who }, now(), { ...about, detail }));
    return counts;
  });
  return {
    kind: "erased",
    erasure: {
      ...{ kind: "erasure", tenant: tenantId, erased, at: now().toISOString() },
      person: `${person.channel}:${person.workspaceId}:${person.senderId}`,
      kept: ["audit records: sealed, until audit retention removes them"],
      audit: await chainEnd(store, scope),
    },
  };
};

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

const eraseStored = async (parts: EraseParts, scope: TenantScope, person: Person) => {
  const { tenantId } = scope;
  const ids: number[] = [];
  const spelt = new Set([person.senderId]);
  for await (const { id, message } of messagesOf(parts, scope, person)) {
    ids.push(id);
    spelt.add(message.sender.id);
  }
  let messages = 0;
  let replies = 0;
  for (const group of manyIds(ids)) {
    const many = { tenantId, ...group };
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
  return { messages, replies, spelt };
};

/** What channels remember under a key with the person in it; the rest of it is forgotten by itself. */
const eraseCaches = async (
  { store, now }: EraseParts,
  scope: TenantScope,
  { channel, workspaceId, senderId }: Person,
): Promise<number> => {
  const isTheirs = (key: string): boolean => {
    const segments = key.toLowerCase().split("/");
    return [workspaceId, senderId].every((id) => segments.includes(id.toLowerCase()));
  };
  let erased = 0;
  for (const of of [scope, PLATFORM_SCOPE]) {
    const { tenantId } = of;
    const all = { tenantId, channel, from: "", to: "\uffff", now: now().getTime() };
    erased += await store.write(of, async (transaction) => {
      let count = 0;
      for (const { key } of await transaction.all(keysBetween, all)) {
        if (isTheirs(key)) count += await transaction.run(deleteRow, { tenantId, channel, key });
      }
      return count;
    });
  }
  return erased;
};
