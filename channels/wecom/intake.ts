import type { InlineReply, Receipt, Receive, WebhookRequest } from "../../core/contract/channel.ts";
import { OverloadError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import { type ChannelMetrics, kindOf } from "../../core/contract/metrics.ts";

/** How a verified callback's message gets into the gateway, and its reply back into the response. */
export interface Intake {
  /** From now on messages go to `receive`. */
  open(receive: Receive): void;
  close(): void;
  /** Hands the message on. Rejects when it was not stored. */
  store(message: InboundMessage): Promise<Receipt>;
  /** The same for a callback: undefined when it was not stored, so that the platform delivers it again. */
  accept(message: InboundMessage): Promise<Receipt | undefined>;
  /** The reply, if it comes within `waitMs` of `arrivedAt`. */
  waitForReply(
    receipt: Receipt,
    message: InboundMessage,
    request: WebhookRequest,
    arrivedAt: Date,
    waitMs: number,
    /** Whether the response can carry this body. */
    fits: (body: string) => boolean,
  ): Promise<InlineReply | undefined>;
}

export interface IntakeOptions {
  readonly log: Log;
  readonly now: () => Date;
  /** Told of every message before it is handed on, which waits for what it returns. */
  readonly note: (message: InboundMessage) => Promise<void> | undefined;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

export const createIntake = ({ log, now, note, metrics }: IntakeOptions): Intake => {
  let receive: Receive | undefined;

  const handIn = (message: InboundMessage): Promise<Receipt> =>
    receive ? receive(message) : Promise.reject(new Error("the channel is not started"));

  // Not async: of almost every message there is nothing to be noted, so nothing to wait for.
  const store = (message: InboundMessage): Promise<Receipt> => {
    const noting = note(message);
    return noting ? noting.then(() => handIn(message)) : handIn(message);
  };

  return {
    open: (handler) => {
      receive = handler;
    },

    close: () => {
      receive = undefined;
    },

    store,

    accept: async (message) => {
      try {
        return await store(message);
      } catch (err) {
        if (err instanceof OverloadError) {
          log.warn(
            { messageId: message.id, tenant: err.tenantId },
            "overloaded: not taken for now",
          );
          return undefined;
        }
        metrics?.told(kindOf(message.content), "store", "failed");
        log.error(
          { err, messageId: message.id, alert: "message_not_stored" },
          "message not stored; the platform is asked to deliver it again",
        );
        return undefined;
      }
    },

    waitForReply: async (receipt, message, request, arrivedAt, waitMs, fits) => {
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<void>((resolve) => {
        const mayTakeMs = request.isCrowded ? Math.min(waitMs, CROWDED_WAIT_MS) : waitMs;
        const passedMs = now().getTime() - arrivedAt.getTime();
        const leftMs = Math.max(0, mayTakeMs - passedMs);
        timer = setTimeout(resolve, leftMs - (leftMs % TIMER_STEP_MS));
        void request.hungUp.then(resolve);
      });
      try {
        return await receipt.inlineReply(deadline, fits);
      } catch (err) {
        // The message is stored, so its answer will come, if not in this response.
        log.error({ err, messageId: message.id }, "no inline reply");
        return undefined;
      } finally {
        clearTimeout(timer);
      }
    },
  };
};

// Node keeps a list, and a place in a heap, for each duration that timers have: few of them.
const TIMER_STEP_MS = 25;
// With many callbacks in work, one whose answer takes long must not keep others from being taken.
const CROWDED_WAIT_MS = 150;
