import type { InlineReply, Receive } from "./contract/channel.ts";
import { OverloadError } from "./contract/errors.ts";
import type { Log } from "./contract/log.ts";
import type { InboundMessage } from "./contract/message.ts";
import { kindOf, type Metrics } from "./contract/metrics.ts";
import { trace } from "./contract/trace-points.ts";
import type { Counters } from "./delivery/counters.ts";
import type { Accepted, Inbox } from "./delivery/inbox.ts";
import type { InlineWaiters } from "./delivery/inline-waiters.ts";
import { endsTurns, laneOf } from "./delivery/lane.ts";
import type { InlineRow, Outbox } from "./delivery/outbox.ts";
import type { Lane, Schedule, Step } from "./delivery/schedule.ts";
import type { Identify } from "./identify.ts";
import type { TenantScope } from "./store/scope.ts";

interface ReceiveParts {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  /** Who takes a turn's reply while its request is open. */
  readonly waiters: InlineWaiters;
  readonly identify: Identify;
  readonly schedule: () => Pick<Schedule, "wake" | "isFull">;
  readonly step: Step;
  /** Whose message it is. */
  readonly scopeFor: (message: InboundMessage) => TenantScope;
  readonly isWorker: boolean;
  readonly inlineReply: (row: InlineRow, body: string) => InlineReply;
  readonly counters: Counters;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Nobody here writes one. */
const NO_REPLY = Promise.resolve(undefined);

/** Takes messages in: stores each once, and has its turn begun. */
export const createReceive = (parts: ReceiveParts): Receive => {
  const { inbox, outbox, waiters, identify, schedule, step, scopeFor, isWorker } = parts;
  const { inlineReply, counters, metrics, log } = parts;

  /** What is known already is taken in always. */
  const acceptAgain = async (message: InboundMessage, scope: TenantScope): Promise<Accepted> => {
    const known = await inbox.find(message);
    if (known) return known;
    counters.overloaded++;
    metrics.told(scope, message.channel, kindOf(message.content), "store", "put_off");
    throw new OverloadError(scope.tenantId);
  };

  /** Not in its turn: what it is to end may hold the last slot that its tenant can have. */
  const beginAtOnce = async (lane: Lane): Promise<void> => {
    try {
      await step(lane);
    } catch (cause) {
      log.error({ err: cause, lane }, "what ends turns is not finished; trying again in its turn");
    }
    // Its lane is its own: this finds nothing left to do, unless that did not end well.
    schedule().wake(lane);
  };

  return async (given) => {
    trace("received", given.id);
    const remembered = identify.remember(given);
    const message = remembered instanceof Promise ? await remembered : remembered;
    const whose = scopeFor(message);
    const mustEnd = endsTurns(message);
    const hasRoom = mustEnd || !schedule().isFull(whose.tenantId);
    const accepted = hasRoom ? inbox.accept(message, whose) : acceptAgain(message, whose);
    const { id, isNew, scope } = await accepted;
    const lane = laneOf(message);
    if (isNew) {
      counters.accepted++;
      metrics.told(scope, message.channel, kindOf(message.content), "store", "new");
      trace("stored", message.id, id);
      // In the next turn of the event loop, so that the adapter can say that it waits.
      const begin = mustEnd ? beginAtOnce : schedule().wake;
      setImmediate(() => void begin({ id: lane, tenantId: scope.tenantId }));
      return {
        isNew,
        inlineReply: (deadline, fits = () => true) =>
          isWorker || mustEnd ? waiters.wait(id, deadline, fits) : NO_REPLY,
      };
    }
    counters.duplicates++;
    metrics.told(scope, message.channel, kindOf(message.content), "store", "duplicate");
    return {
      isNew,
      inlineReply: async () => {
        const body = await outbox.inlineBody(scope, id);
        return body === undefined ? undefined : inlineReply({ inboxId: id, lane, scope }, body);
      },
    };
  };
};
