import type { Directory, Identity } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import type { InboundEvent, InboundMessage } from "../../core/contract/message.ts";
import { groupOf } from "./bot/parse.ts";
import type { WecomClient } from "./client.ts";
import { type Ask, type Contacts, createContacts } from "./contacts.ts";
import { createTags, type Tags } from "./tags.ts";

/** The address books of all corps that are configured. */
export interface WecomDirectory extends Directory {
  /**
   * Forgets at once what an event says was changed. Rejects when it cannot: deliver it again.
   * Undefined where there is nothing to forget.
   */
  note(message: InboundMessage): Promise<void> | undefined;
}

export interface WecomDirectoryOptions {
  readonly corpIds: Iterable<string>;
  /** The application that a message was sent to; undefined when it is no longer configured. */
  readonly clientOf: (message: InboundMessage) => Pick<WecomClient, "ask"> | undefined;
  readonly state: ChannelState;
  readonly log: Log;
  readonly now: () => Date;
}

export const createDirectory = (options: WecomDirectoryOptions): WecomDirectory => {
  const { clientOf, state, log, now } = options;
  const books = new Map(
    [...options.corpIds].map((corpId) => [corpId, createContacts({ corpId, state, log })]),
  );
  const tags = new Map(
    [...options.corpIds].map((corpId) => [corpId, createTags({ corpId, log, now })]),
  );
  // The corp whose application was spoken to; of a linked corp's people `workspaceId` is their own.
  const bookOf = ({ target }: InboundMessage): Contacts | undefined =>
    books.get(target.workspaceId);
  return {
    known: async (message) =>
      isForeign(message) ? STRANGER : bookOf(message)?.known(userIdOf(message)),
    lookUp: async (message, signal) => {
      if (isForeign(message)) return STRANGER;
      const client = clientOf(message);
      return client && bookOf(message)?.lookUp(userIdOf(message), client.ask, signal);
    },
    groupsOf: async (message, groups, signal) => {
      const client = isForeign(message) ? undefined : clientOf(message);
      const book = bookOf(message);
      const held = tags.get(message.target.workspaceId);
      if (!client || !book || !held) return [];
      return tagsOf({ book, tags: held, ask: client.ask }, userIdOf(message), groups, signal);
    },
    note: (message) => {
      const { content } = message;
      if (content.kind !== "event" || content.event.name !== "contact_changed") return undefined;
      const book = bookOf(message);
      return book && forget(book, content.event);
    },
  };
};

const forget = async (book: Contacts, event: InboundEvent): Promise<void> => {
  const { people, areDepartments } = changedBy(event);
  for (const userId of people) await book.revoke(userId);
  if (areDepartments) await book.revokeDepartments();
};

/** Which of these tags a person has, by themselves or with a department that they are in directly. */
const tagsOf = async (
  { book, tags, ask }: { readonly book: Contacts; readonly tags: Tags; readonly ask: Ask },
  userId: string,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const found = await Promise.all(wanted.map((tagId) => tags.holdersOf(tagId, ask)));
  const areDepartmentsTagged = found.some((holders) => (holders?.departmentIds.size ?? 0) > 0);
  const departments = areDepartmentsTagged
    ? ((await book.departmentIdsOf(userId, ask, signal)) ?? [])
    : [];
  return wanted.filter((_, at) => {
    const holders = found[at];
    return (
      holders?.userIds.has(userId.toLowerCase()) === true ||
      departments.some((id) => holders?.departmentIds.has(id))
    );
  });
};

/**
 * People of linked corps are in an address book of their own, which is not ours to read; in ours
 * somebody else may bear the same id.
 */
const isForeign = ({ workspaceId, target }: InboundMessage): boolean =>
  workspaceId !== target.workspaceId;

const STRANGER: Identity = { isActive: false, displayName: "", departments: [] };

/** In a group the answer goes to a room; who spoke is known without the case of the letters. */
const userIdOf = ({ target, sender }: InboundMessage): string =>
  groupOf(target.address) === undefined ? target.address : sender.id;

/** @see https://developer.work.weixin.qq.com/document/path/90970 */
const changedBy = ({ fields }: InboundEvent) => ({
  people: [fields.UserID, fields.NewUserID].filter((userId) => userId !== undefined),
  areDepartments: /_party$/.test(fields.ChangeType ?? ""),
});
