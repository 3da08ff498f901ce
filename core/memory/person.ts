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
  own.tag(personText(keyOf(person)));

/** Keyed hashes by which a sender's rows are found, and those of their part of the conversation. */
export const tagsOf = (
  own: TenantCipher,
  message: InboundMessage,
): { readonly person: Buffer; readonly conversation: Buffer } => {
  const key = keyOf(personOf(message));
  return {
    person: own.tag(personText(key)),
    conversation: own.tag(
      `memory conversation ${JSON.stringify([conversationLane(message), key])}`,
    ),
  };
};

const personText = (key: string): string => `memory person ${key}`;

// Case is no part of a platform's user ids.
const keyOf = ({ channel, workspaceId, senderId }: Person): string =>
  JSON.stringify([channel, workspaceId, senderId.toLowerCase()]);
