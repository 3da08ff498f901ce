import type { Direction } from "../../config/detectors.ts";
import type { InboundMessage } from "../contract/message.ts";
import { openMessage } from "../delivery/inbox-row.ts";
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

/** All messages of a tenant, oldest first; one that does not open cannot be read by anybody. */
export const storedMessages = async function* (
  { store, cipher }: Parts,
  scope: TenantScope,
): AsyncIterable<StoredMessage> {
  const { tenantId } = scope;
  for (let after = 0; ; ) {
    const from = { tenantId, after, limit: AT_A_TIME };
    const rows = await store.read(scope, (transaction) => transaction.all(messagesAfter, from));
    for (const row of rows) {
      const message = await opened(openMessage(cipher, scope, row));
      if (!message) continue;
      yield { id: row.id, state: row.state, receivedAt: new Date(row.received_at), message };
    }
    const last = rows.at(-1);
    if (!last) return;
    after = last.id;
  }
};

/** The messages of a person, oldest first. Whose a message is is sealed with it, so each one is opened. */
export const messagesOf = async function* (
  parts: Parts,
  scope: TenantScope,
  person: Person,
): AsyncIterable<StoredMessage> {
  for await (const stored of storedMessages(parts, scope)) {
    if (isSamePerson(personOf(stored.message), person)) yield stored;
  }
};

/** What waits for a reviewer. */
export interface HeldOf {
  readonly id: string;
  readonly direction: Direction;
  readonly heldAt: Date;
  /** What the reviewer reads. */
  readonly text: string;
  /** What the person sent. */
  readonly message: InboundMessage;
}

/** What a person sent, or would be answered, that waits for a reviewer. */
export const reviewsOf = async (
  { store, cipher }: Parts,
  scope: TenantScope,
  person: Person,
): Promise<readonly HeldOf[]> => {
  const { tenantId } = scope;
  const found: HeldOf[] = [];
  for (let after = ""; ; ) {
    const from = { tenantId, after, limit: AT_A_TIME };
    const rows = await store.read(scope, (transaction) => transaction.all(reviewsAfter, from));
    for (const { id, direction, held_at, content } of rows) {
      try {
        const { message, text } = await openHeld(cipher, scope, id, content);
        if (!isSamePerson(personOf(message), person)) continue;
        found.push({ id, direction, heldAt: new Date(held_at), text, message });
      } catch (cause) {
        if (!(cause instanceof SealError)) throw cause;
      }
    }
    const last = rows.at(-1);
    if (!last) return found;
    after = last.id;
  }
};

const opened = async (opening: Promise<InboundMessage>): Promise<InboundMessage | undefined> => {
  try {
    return await opening;
  } catch (cause) {
    if (cause instanceof SealError) return undefined;
    throw cause;
  }
};
