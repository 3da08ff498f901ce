import { randomUUID } from "node:crypto";
import { createAuditLog } from "../../core/audit-log.ts";
import { reserveCost } from "../../core/budget/rows.ts";
import { putRow } from "../../core/channel-state/rows.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import { createConsents } from "../../core/data-rights/consents.ts";
import { laneOf } from "../../core/delivery/lane.ts";
import { createLegalHolds } from "../../core/memory/legal-holds.ts";
import { createMemory } from "../../core/memory/memory.ts";
import { personOf } from "../../core/memory/person.ts";
import { createApiKeys } from "../../core/operators/api-keys.ts";
import { takeFromBucket } from "../../core/rate-limits/rows.ts";
import { createReviews } from "../../core/reviews/reviews.ts";
import { tenantScope } from "../../core/store/scope.ts";
import type { Store, Work } from "../../core/store/store.ts";
import { begin, type DeliveryProcess } from "./delivery-process.ts";
import { textMessage } from "./messages.ts";
import { contextOf, tenantWith } from "./turn.ts";

/** A message of a tenant; what its people wrote, and who it goes to, bears `marker`. */
export const markedMessage = (tenantId: string, id: string, marker: string): InboundMessage => {
  const message = textMessage(`${tenantId}-${id}`, `${marker} asks ${id}`, `${tenantId}-${id}`);
  return {
    ...message,
    sender: { ...message.sender, displayName: `${marker} the sender` },
    target: { ...message.target, address: `${marker}@address` },
  };
};

/** What is remembered, consented to and held on this store; the person is whose message it is. */
export const dataRightsOf = (process: DeliveryProcess, store: Store, message: InboundMessage) => {
  const { cipher, log } = process;
  const now = () => new Date();
  const auditLog = createAuditLog(store, cipher);
  return {
    person: personOf(message),
    memory: createMemory({ store, cipher, log, now }),
    consents: createConsents({ store, cipher, now }),
    holds: createLegalHolds({ store, cipher, auditLog, now }),
  };
};

/** Reviews on this store, and how to hold a message in them as its turn would. */
export const reviewsOf = (process: DeliveryProcess, store: Store) => {
  const { cipher, log } = process;
  const now = () => new Date();
  const auditLog = createAuditLog(store, cipher);
  const reviews = createReviews({ store, cipher, auditLog, wake: () => {}, log, now });
  const hold = async (message: InboundMessage, tenantId: string, text: string) => {
    const kept: Work<void>[] = [];
    const context = { ...contextOf(message.content, tenantWith([], { id: tenantId })), message };
    const reply = await reviews.hold(
      { ...context, keep: (work) => void kept.push(work) },
      { direction: "in", text, terms: [] },
    );
    for (const work of kept) await store.write(tenantScope(tenantId), work);
    return reply;
  };
  return { reviews, hold };
};

/** Ids of what `plantTenant` left in the inbox, by its state. */
export type Planted = Readonly<
  Record<"pending" | "running" | "answered" | "done" | "dead", number>
>;

/**
 * Gives a tenant rows in every table and state: messages that are pending, running in `process`,
 * answered with a reply in two parts, done and dead, an audit record, an API key, its data key, and
 * an exchange that is remembered of somebody who consented and whose data is held, and a message that
 * waits for a reviewer.
 */
export const plantTenant = async (
  process: DeliveryProcess,
  store: Store,
  tenantId: string,
  marker: string,
): Promise<Planted> => {
  const { inbox, outbox, cipher } = process;
  const scope = tenantScope(tenantId);
  const accept = async (id: string) => {
    const message = markedMessage(tenantId, id, marker);
    await inbox.accept(message, scope);
    return { id: laneOf(message), tenantId };
  };
  const take = async (id: string) => begin(process, await accept(id));
  const body = `${marker} is answered`;

  const answered = await take("answered");
  await outbox.complete(answered, { parts: [body, `${body} twice`], mayInline: false });
  const done = await take("done");
  await outbox.complete(done, { parts: [body], mayInline: true });
  await outbox.inlineSettled({ scope, inboxId: done.id, lane: done.lane }, true);
  const dead = await take("dead");
  await inbox.bury(dead, "planted");
  const running = await take("running");
  const { id: pending } = await inbox.accept(markedMessage(tenantId, "pending", marker), scope);

  const now = () => new Date();
  const auditLog = createAuditLog(store, cipher);
  await auditLog.record({
    at: now(),
    traceId: randomUUID(),
    scope,
    message: answered.message,
    action: "message",
    subject: "text",
    decision: "answered",
    code: "OK",
    durationMs: 1,
  });
  const { person, memory, consents, holds } = dataRightsOf(process, store, answered.message);
  const exchange = { question: `${marker} asks`, answer: body, isSensitive: false };
  await store.write(scope, await memory.prepare(scope, answered.message, exchange));
  await memory.index(scope);
  await memory.close();
  const decided = { decision: "yes", wording: "1" } as const;
  await store.write(scope, await consents.prepare(scope, person, decided));
  await holds.hold("cli", scope, person);
  await reviewsOf(process, store).hold(answered.message, tenantId, body);
  const apiKeys = createApiKeys({ store, auditLog, now });
  await apiKeys.create({ who: "cli" }, { tenantId, label: "planted", permissions: ["queue:view"] });
  // Channels keep theirs under the platform's scope; this shows that the table is walled like any other.
  const place = { tenantId, channel: "wechat_work", key: "planted" };
  await store.write(scope, (transaction) =>
    transaction.run(putRow, {
      ...place,
      value: Buffer.from("sealed"),
      version: 1,
      expiresAt: 1e15,
    }),
  );
  await store.write(scope, async (transaction) => {
    const month = "2026-03";
    await transaction.run(reserveCost, { tenantId, month, amount: 1, atMost: 1 });
    const times = { nowUs: 1, stepUs: 1, latestUs: 1, firstUs: 1e15 };
    await transaction.run(takeFromBucket, { tenantId, key: "tenant", ...times });
  });
  return {
    pending,
    running: running.id,
    answered: answered.id,
    done: done.id,
    dead: dead.id,
  };
};
