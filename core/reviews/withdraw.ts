import type { AuditRecord } from "../audit-log.ts";
import type { InboundMessage } from "../contract/message.ts";
import { personOf, personTag } from "../memory/person.ts";
import type { ContentCipher, TenantCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { reviewRecord } from "./on-record.ts";
import { pendingOfPerson, pendingOfSaid } from "./rows.ts";

/**
 * Its sender takes back what is held of one thing that they said, edits and answer included, or of
 * all of it: nothing of it goes on. How much that was.
 * @param message with which they do so
 * @param messageId the id of what they said; absent = all
 */
export type Withdraw = (
  message: InboundMessage,
  traceId: string,
  scope: TenantScope,
  messageId?: string,
) => Promise<number>;

interface WithdrawParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  /** Ends a review, on record; false when it was over. */
  readonly settle: (
    scope: TenantScope,
    id: string,
    state: "withdrawn",
    record: AuditRecord,
  ) => Promise<boolean>;
  readonly now: () => Date;
}

export const createWithdraw =
  ({ store, cipher, settle, now }: WithdrawParts): Withdraw =>
  async (message, traceId, scope, messageId) => {
    const { tenantId } = scope;
    const { person, said } = tagsOf(await cipher.of(scope), message, messageId ?? "");
    const rows = await store.read(scope, (transaction) =>
      messageId === undefined
        ? transaction.all(pendingOfPerson, { tenantId, person })
        : transaction.all(pendingOfSaid, { tenantId, person, said }),
    );
    const sender = { kind: "person", message, traceId } as const;
    let withdrawn = 0;
    for (const { id } of rows) {
      const about = { action: "review.withdraw", subject: id } as const;
      const record = reviewRecord(sender, scope, now(), about);
      if (await settle(scope, id, "withdrawn", record)) withdrawn++;
    }
    return withdrawn;
  };

/** Keyed hashes by which what is held is found: of who wrote a message, and of what they said. */
export const tagsOf = (own: TenantCipher, message: InboundMessage, saidId: string) => {
  const { channel, workspaceId } = message;
  const what = JSON.stringify([channel, workspaceId, saidId]);
  return {
    person: personTag(own, personOf(message)),
    said: own.fingerprint(`review of what was said ${what}`),
  };
};
