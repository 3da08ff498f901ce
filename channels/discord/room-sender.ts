import type { SendOutcome } from "../../core/contract/channel.ts";
import type { LookBack } from "./look-back.ts";
import { cardInWordsBody, messageBody } from "./message-body.ts";
import { objectIn, type Payload, textIn } from "./payload.ts";
import { postBody } from "./post-body.ts";
import type { Posted } from "./posted.ts";
import type { Rest, RestOutcome, RestRequest } from "./rest.ts";
import type { Rooms } from "./rooms.ts";
import { CODES, hasCode, notYet, sendOutcome } from "./send-outcome.ts";
import { createdId, nonceOfPart, type Sending } from "./sending.ts";
import type { ShownMessages } from "./shown.ts";
import type { DiscordTarget } from "./target.ts";

export interface RoomSenderParts {
  readonly rest: Rest;
  readonly rooms: Rooms;
  readonly shown: ShownMessages;
  readonly posted: Pick<Posted, "note">;
  readonly lookBack: LookBack;
}

/** Sends into rooms, as the bot. Rejects when the store is away. */
export const createRoomSender = (parts: RoomSenderParts) => {
  const { rest, rooms, shown, posted, lookBack } = parts;

  const edit = async (
    channelId: string,
    messageId: string,
    { outgoing, signal }: Sending,
  ): Promise<RestOutcome> => {
    const call = () =>
      rest.request("PATCH", `/channels/${channelId}/messages/${messageId}`, {
        ...messageBody(outgoing),
        signal,
      });
    const edited = await call();
    if (!hasCode(edited, CODES.archivedThread)) return edited;
    // A new message takes a thread up again that was put away; an edit must ask for it.
    // https://discord.com/developers/docs/topics/threads#editing-and-deleting-threads
    const body = { archived: false };
    const reopened = await rest.request("PATCH", `/channels/${channelId}`, { body, signal });
    if (reopened.kind === "ok") return call();
    if (reopened.kind === "failed") return edited;
    return reopened;
  };

  const post = async (
    channelId: string,
    nonce: string,
    { outgoing, target, signal }: Sending,
  ): Promise<RestOutcome> => {
    const call = ({ body, files }: Pick<RestRequest, "body" | "files">) =>
      rest.request("POST", `/channels/${channelId}/messages`, {
        body: postBody(body ?? {}, { target, channelId }, nonce, outgoing.n === 0),
        ...(files && { files }),
        signal,
      });
    const outcome = await call(messageBody(outgoing));
    // Who may not embed links gets a message with nothing in it.
    return outgoing.kind === "card" && hasCode(outcome, CODES.emptyMessage)
      ? call(cardInWordsBody(outgoing))
      : outcome;
  };

  const arrived = async (outcome: RestOutcome, sending: Sending): Promise<SendOutcome> => {
    const id = createdId(outcome);
    if (id !== undefined) await posted.note(id, sending);
    return sendOutcome("create message", outcome);
  };

  /** The first message takes the place of what was shown of the answer before it was whole. */
  const sendFirst = async (channelId: string, sending: Sending): Promise<SendOutcome> => {
    const { target, part, signal } = sending;
    const before = await shown.claim(target, part.id);
    const { unfinishedNonce } = before;
    let { messageId } = before;
    if (messageId === undefined && unfinishedNonce !== undefined) {
      // It was being posted when its process ended, or just now by another one.
      const isUnfinished = (message: Payload) =>
        textIn(message, "nonce") === unfinishedNonce || answers(message, target, channelId);
      const found = await lookBack.find(channelId, target.replyTo, isUnfinished, signal);
      if (found.kind === "away") return notYet("look back", found.outcome);
      if (found.kind === "found") messageId = found.id;
    }
    if (messageId !== undefined) {
      const edited = await edit(channelId, messageId, sending);
      if (!hasCode(edited, CODES.unknownMessage)) return arrived(edited, sending);
    }
    // Of the nonce of something unfinished comes that back, where it has arrived all the same.
    const mayComeBack = messageId === undefined && unfinishedNonce !== undefined;
    const nonce = mayComeBack ? unfinishedNonce : nonceOfPart(sending);
    const made = await post(channelId, nonce, sending);
    const id = createdId(made);
    return arrived(
      mayComeBack && id !== undefined ? await edit(channelId, id, sending) : made,
      sending,
    );
  };

  return async (sending: Sending): Promise<SendOutcome> => {
    const { target, outgoing, signal } = sending;
    const room = await rooms.find(target, signal);
    if (room.kind === "away") return notYet("open room", room.outcome);
    const { cardMessageId } = target;
    if (outgoing.kind === "card" && cardMessageId !== undefined) {
      const edited = await edit(target.channelId, cardMessageId, sending);
      if (!hasCode(edited, CODES.unknownMessage)) return sendOutcome("edit card", edited);
    }
    return outgoing.n === 0
      ? sendFirst(room.channelId, sending)
      : arrived(await post(room.channelId, nonceOfPart(sending), sending), sending);
  };
};

/** Whether a message of ours begins the answer to a question. */
export const answers = (message: Payload, target: DiscordTarget, channelId: string): boolean =>
  textIn(objectIn(message, "message_reference"), "message_id") === target.replyTo ||
  // The thread is there for this answer alone so far.
  (target.threadOf !== undefined && channelId !== target.channelId);
