import { parsePerson } from "../../config/person.ts";
import type { ChannelAdapter } from "../contract/channel.ts";
import type { InboundMessage } from "../contract/message.ts";
import type { Notice } from "../contract/notice.ts";
import { inboxRow } from "../delivery/inbox-row.ts";
import { insertMessage } from "../delivery/inbox-rows.ts";
import type { Lane } from "../delivery/schedule.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { tenantScope } from "../store/scope.ts";
import type { Transaction } from "../store/store.ts";

/** Tells contacts of a tenant, in their chat, of something that nobody there asked about. */
export interface Notices {
  /** Seals a notice for each contact. Before the transaction that stores it, never within one. */
  prepare(notice: Notice, contacts: readonly string[]): Promise<PreparedNotice>;
}

/** A notice that can be stored. */
export interface PreparedNotice {
  /** Contacts whom nothing can be sent to, as the settings name them. */
  readonly unreachable: readonly string[];
  /**
   * Puts it into the inbox, once however often it is stored, within a transaction of the tenant's
   * scope: what it tells is on record with it or not at all.
   */
  storeIn(transaction: Transaction): Promise<void>;
  /** Begins to send what is stored. A process that dies before leaves that to the next one. */
  begin(): void;
}

export interface NoticesParts {
  readonly cipher: ContentCipher;
  readonly adapters: ReadonlyMap<string, Pick<ChannelAdapter, "directTarget">>;
  /** There may be work in this lane now. */
  readonly wake: (lane: Lane) => void;
  readonly now: () => Date;
}

export const createNotices = ({ cipher, adapters, wake, now }: NoticesParts): Notices => ({
  prepare: async (notice, contacts) => {
    const { tenantId } = notice;
    const at = now();
    const addressed = contacts.map((contact) => ({
      contact,
      message: noticeTo(contact, notice, adapters, at),
    }));
    const messages = addressed.flatMap(({ message }) => message ?? []);
    const own = await cipher.of(tenantScope(tenantId));
    const rows = messages.map((message) => inboxRow(own, message, at));
    return {
      unreachable: addressed.flatMap(({ contact, message }) => (message ? [] : [contact])),
      storeIn: async (transaction) => {
        for (const row of rows) await transaction.insert(insertMessage, row);
      },
      begin: () => {
        for (const { lane } of rows) wake({ id: lane, tenantId });
      },
    };
  },
});

/** The message that brings a notice to a contact; undefined where nothing can be sent to them. */
const noticeTo = (
  contact: string,
  notice: Notice,
  adapters: NoticesParts["adapters"],
  at: Date,
): InboundMessage | undefined => {
  const person = parsePerson(contact);
  if (!person) return undefined;
  const { channel, workspaceId, senderId } = person;
  const target = adapters.get(channel)?.directTarget?.(workspaceId, senderId);
  if (!target) return undefined;
  const { tenantId, month, kind, limitUsd } = notice;
  // Platforms' user ids are the same in any case.
  const id = senderId.toLowerCase();
  return {
    // A larger budget of the same month is told of anew.
    id: `notice/${tenantId}/${month}/${kind}/${limitUsd}/${workspaceId}:${id}`,
    channel,
    workspaceId,
    // A lane of its own: it neither waits for what the contact talks about nor holds that up.
    conversation: { id: `notice/${id}`, kind: "direct" },
    sender: { id, displayName: senderId, isBot: false, departments: [], roles: [] },
    content: { kind: "notice", notice },
    target,
    sentAt: at,
  };
};
