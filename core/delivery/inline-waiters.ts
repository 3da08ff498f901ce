import type { InlineReply } from "../contract/channel.ts";

type Answer = (reply: InlineReply | undefined) => void;

/** Responses that are held open in case their reply comes in time. */
export interface InlineWaiters {
  /** Resolves with the reply, or with nothing at the deadline. */
  wait(inboxId: number, deadline: Promise<void>): Promise<InlineReply | undefined>;
  /** Claims the waiting response: from now on the deadline does not end it, the caller does. */
  take(inboxId: number): Answer | undefined;
}

export const createInlineWaiters = (): InlineWaiters => {
  const waiting = new Map<number, Answer>();
  return {
    wait: (inboxId, deadline) =>
      new Promise((resolve) => {
        waiting.set(inboxId, resolve);
        void deadline.then(() => {
          if (waiting.delete(inboxId)) resolve(undefined);
        });
      }),
    take: (inboxId) => {
      const answer = waiting.get(inboxId);
      waiting.delete(inboxId);
      return answer;
    },
  };
};
