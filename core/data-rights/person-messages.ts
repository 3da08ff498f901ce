import type { InboundMessage } from "../contract/message.ts";
import { messagePlace } from "../delivery/inbox-row.ts";
import { SealError } from "../keys/errors.ts";
import { isSamePerson, type Person, personOf } from "../memory/person.ts";
import { openHeld } from "../reviews/held.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { messagesAfter, reviewsAfter } from "./person-rows.ts";

/** A message of a person as the inbox has it. */
export interface StoredMessage {
  readonly id: number;
  readonly state: "pending" | "answered" | "done" | "dead";
  readonly receivedAt: Date;
  readonly message: InboundMessage;
}

interface Parts {
  readonly store: Store;
  readonly cipher: ContentCipher;
}

const AT_A_TIME = 200;

/**
 * The messages of a person, oldest first. Whose a message is is sealed with it, so each one of the
 * tenant's channel is opened; one that does not open is nobody's, and cannot be read by anybody.
 */
export const messagesOf = async function* (
  { store, cipher }: Parts,
  scope: TenantScope,
  person: Person,
): AsyncIterable<StoredMessage> {
  const { tenantId } = scope;
  const { channel } = person;
  for (let after = 0; ; ) {
    const from = { tenantId, channel, after, limit: AT_A_TIME };
    const rows = await store.read(scope, (transaction) => transaction.all(messagesAfter, from));
    for (const row of rows) {
      const place = messagePlace(row.channel, row.key);
      const message = await opened<InboundMessage>(() => cipher.open(scope, place, row.message));
      if (!message || !isSamePerson(personOf(message), person)) continue;
      yield { id: row.id, state: row.state, receivedAt: new Date(row.received_at), message };
    }
    const last = rows.at(-1);
    if (!last) return;
    after = last.id;
  }
};

/** What a person sent, or would be answered, that waits for a reviewer. */
export const reviewsOf = async (
  { store, cipher }: Parts,
  scope: TenantScope,
  person: Person,
): Promise<readonly { readonly id: string; readonly text: string }[]> => {
  const { tenantId } = scope;
  const found: { readonly id: string; readonly text: string }[] = [];
  for (let after = ""; ; ) {
    const from = { tenantId, after, limit: AT_A_TIME };
    const rows = await store.read(scope, (transaction) => transaction.all(reviewsAfter, from));
    for (const { id, content } of rows) {
      try {
        const { message, text } = await openHeld(cipher, scope, id, content);
        if (isSamePerson(personOf(message), person)) found.push({ id, text });
      } catch (cause) {
        if (!(cause instanceof SealError)) throw cause;
      }
    }
    const last = rows.at(-1);
    if (!last) return found;
    after = last.id;
  }
};

const opened = async <T>(open: () => Promise<Buffer>): Promise<T | undefined> => {
  try {
    return JSON.parse(String(await open())) as T;
  } catch (cause) {
    if (cause instanceof SealError) return undefined;
    throw cause;
  }
};
