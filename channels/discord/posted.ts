import type { Sending } from "./sending.ts";
import type { ShownMessages } from "./shown.ts";

/** Which messages parts have become, so that what is looked for later is not taken for another. */
export interface Posted {
  /** Told of each message that has become a part. Rejects when the store is away. */
  note(messageId: string, sending: Pick<Sending, "part" | "outgoing" | "target">): Promise<void>;
  /** Whether a message is known to be another part's, however alike they are. */
  isOthers(messageId: string, partId: string): boolean;
}

const MOST = 5_000;

/** Of the parts that further ones follow it is remembered after a restart, too. */
export const createPosted = (shown: Pick<ShownMessages, "passed">): Posted => {
  const parts = new Map<string, string>();
  return {
    note: async (messageId, { part, outgoing, target }) => {
      parts.delete(messageId);
      const [oldest] = parts.keys();
      if (parts.size >= MOST && oldest !== undefined) parts.delete(oldest);
      parts.set(messageId, part.id);
      if (outgoing.n + 1 < outgoing.of) await shown.passed(target, messageId);
    },
    isOthers: (messageId, partId) => (parts.get(messageId) ?? partId) !== partId,
  };
};
