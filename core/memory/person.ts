import type { InboundMessage } from "../contract/message.ts";
import { conversationLane } from "../delivery/lane.ts";
import type { TenantCipher } from "../store/content-cipher.ts";

/** Somebody on a platform; the same person of another workspace is another one. */
export interface Person {
  /** The channel's key under `channels` in the settings. */
  readonly channel: string;
  readonly workspaceId: string;
  readonly senderId: string;
}

/** Who sent a message. */
export const personOf = ({
  channel,
  workspaceId,
  sender,
}: Pick<InboundMessage, "channel" | "workspaceId" | "sender">): Person => ({
  channel,
  workspaceId,
  senderId: sender.id,
});

/** Whether both are the same, however their ids are spelt. */
export const isSamePerson = (a: Person, b: Person): boolean => keyOf(a) === keyOf(b);

/** Keyed hash by which a person's rows are found. */
export const personTag = (own: TenantCipher, person: Person): Buffer =>
  own.tag(`memory person ${keyOf(person)}`);

/** Keyed hash by which a person's part of a conversation is found. */
export const conversationTag = (own: TenantCipher, message: InboundMessage): Buffer =>
  own.tag(
    `memory conversation ${JSON.stringify([conversationLane(message), keyOf(personOf(message))])}`,
  );

// Case is no part of a platform's user ids.
const keyOf = ({ channel, workspaceId, senderId }: Person): string =>
  JSON.stringify([channel, workspaceId, senderId.toLowerCase()]);
