import { createAuditLog } from "../../../core/audit-log.ts";
import { laneOf } from "../../../core/delivery/lane.ts";
import type { Operator } from "../../../core/operators/operator.ts";
import { createQueue, type Queue } from "../../../core/operators/queue.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { type FakeChannel, fakeChannel } from "../../fakes/channel.ts";
import { begin, type DeliveryProcess, deliveryProcess } from "../../fakes/delivery-process.ts";
import { textMessage } from "../../fakes/messages.ts";
import type { StoreWorld } from "../../fakes/stores.ts";

/** A queue with messages in it, and the process that works on them. */
export interface OperatedQueue {
  readonly queue: Queue;
  readonly process: DeliveryProcess;
  readonly channel: FakeChannel;
  /** Milliseconds; what every clock here shows. */
  clock: number;
  /** Accepts a message that nobody begins; its id. */
  waiting(key: string, tenantId?: string): Promise<number>;
  /** Accepts a message and begins its turn. */
  running(key: string, tenantId?: string): Promise<number>;
  /** Accepts a message that cannot be answered. */
  unanswerable(key: string, reason: string, tenantId?: string): Promise<number>;
  /** Accepts a message and stores its reply; nothing of it is sent. */
  answered(key: string, parts: readonly string[], tenantId?: string): Promise<number>;
  /** Takes the next step of a message's lane in the outbox. */
  send(key: string, tenantId?: string): ReturnType<DeliveryProcess["outbox"]["step"]>;
  /** Audit records of operators, oldest first. */
  audit(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export const EVERYBODY: Operator = { who: "cli" };

/** Each message is a conversation of its own, the tenant's name before its key. */
export const operatedQueue = async (
  world: StoreWorld,
  folder: string,
  startAt = 1_795_000_000_000,
): Promise<OperatedQueue> => {
  const { store } = world;
  const channel = fakeChannel();
  const now = () => new Date(self.clock);
  const self = { clock: startAt };
  const process = await deliveryProcess({
    ...{ store, folder, now },
    adapters: new Map([["test", channel]]),
  });
  const messageOf = (key: string, tenantId: string) =>
    textMessage(`${tenantId}/${key}`, "PLANTED question", `${tenantId}/${key}`);
  const laneFor = (key: string, tenantId: string) => ({
    id: laneOf(messageOf(key, tenantId)),
    tenantId,
  });
  const accept = async (key: string, tenantId: string) =>
    (await process.inbox.accept(messageOf(key, tenantId), tenantScope(tenantId))).id;
  const start = async (key: string, tenantId: string) => {
    await accept(key, tenantId);
    return begin(process, laneFor(key, tenantId));
  };
  return Object.assign(self, {
    queue: createQueue({ store, auditLog: createAuditLog(store), now }),
    process,
    channel,
    waiting: (key: string, tenantId = "sales") => accept(key, tenantId),
    running: async (key: string, tenantId = "sales") => (await start(key, tenantId)).id,
    unanswerable: async (key: string, reason: string, tenantId = "sales") => {
      const entry = await start(key, tenantId);
      await process.inbox.bury(entry, reason);
      return entry.id;
    },
    answered: async (key: string, parts: readonly string[], tenantId = "sales") => {
      const entry = await start(key, tenantId);
      await process.outbox.complete(entry, { parts, mayInline: false });
      return entry.id;
    },
    send: (key: string, tenantId = "sales") => process.outbox.step(laneFor(key, tenantId)),
    audit: () =>
      world.sql(
        `SELECT tenant_id, sender_id, action, subject, decision, code, detail FROM audit
         WHERE action LIKE 'queue.%' ORDER BY tenant_id, seq`,
      ),
  });
};
