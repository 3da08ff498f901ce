import type { InlineReply } from "../contract/channel.ts";

/** A response that is held open. */
export interface InlineWaiter {
  answer(reply: InlineReply | undefined): void;
  /** Whether it can carry this body. */
  fits(body: string): boolean;
}

/** Responses that are held open in case their reply comes in time. */
export interface InlineWaiters {
  /** Resolves with the reply, or with nothing at the deadline. */
  wait(
    inboxId: number,
    deadline: Promise<void>,
    fits: InlineWaiter["fits"],
  ): Promise<InlineReply | undefined>;
  /** Claims the waiting response: from now on the deadline does not end it, the caller does. */
  take(inboxId: number): InlineWaiter | undefined;
}

export const createInlineWaiters = (): InlineWaiters => {
  const waiting = new Map<number, InlineWaiter>();
  return {
    wait: (inboxId, deadline, fits) =>
      new Promise((answer) => {
        waiting.set(inboxId, { answer, fits });
        void deadline.then(() => {
          if (waiting.delete(inboxId)) answer(undefined);
        });
      }),
    take: (inboxId) => {
      const waiter = waiting.get(inboxId);
      waiting.delete(inboxId);
      return waiter;
    },
  };
};
