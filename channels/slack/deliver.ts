import type { OutboundPart } from "../../core/contract/channel.ts";
import type { Log } from "../../core/contract/log.ts";
import type { ApiOutcome } from "./api-outcome.ts";
import type { Detours } from "./detours.ts";
import type { Files } from "./files.ts";
import type { Growing, Taken } from "./growing.ts";
import type { Post } from "./http.ts";
import { objectIn, textIn } from "./json.ts";
import { changedMessage, newMessage, type Said, saidBy } from "./message.ts";
import type { Outgoing } from "./outgoing.ts";
import { postResponse } from "./response-url.ts";
import type { RoomCalls } from "./room-calls.ts";
import { kindOfError } from "./send-outcome.ts";
import { isPerson, type SlackTarget } from "./target.ts";
import { CHANNEL } from "./types.ts";

/** How a call ended, and which it was. */
export interface Called {
  readonly method: string;
  readonly outcome: ApiOutcome;
}

type Worded = Exclude<Outgoing, { readonly kind: "file" }>;

/** One part on its way. */
export interface Delivery {
  readonly part: OutboundPart;
  readonly target: SlackTarget;
  readonly signal: AbortSignal;
}

const POST = "chat.postMessage";
const UPDATE = "chat.update";
const COMPLETE = "files.completeUploadExternal";

export interface DeliverParts {
  readonly rooms: RoomCalls;
  readonly growing: Growing;
  readonly files: Files;
  readonly detours: Detours;
  readonly baseUrl: string;
  readonly post: Post;
  readonly log: Log;
}

/** Brings one part to where it goes; the call that decided. Rejects while the state is away. */
export type Deliver = (outgoing: Outgoing, delivery: Delivery) => Promise<Called>;

export const createDeliver = (parts: DeliverParts): Deliver => {
  const { rooms, growing, files, detours, baseUrl, post, log } = parts;

  const call = (
    { part, target, signal }: Delivery,
    method: string,
    args: object,
    place = target,
  ): Promise<ApiOutcome> => rooms.call(place, method, args, signal, part.id);

  /** With blocks; in words alone where Slack does not take them. */
  const say = async (
    outgoing: Worded,
    method: string,
    tell: (said: Said) => Promise<ApiOutcome>,
  ): Promise<Called> => {
    const said = saidBy(outgoing);
    const outcome = await tell(said);
    const isTooMuch = outcome.kind === "error" && kindOfError(outcome.error) === "blocks";
    if (!isTooMuch || !said.blocks) return { method, outcome };
    const fields = { channel: CHANNEL, reason: outcome.error, alert: "slack_blocks_refused" };
    log.error(fields, "Slack does not take these blocks; it is said in words");
    return { method, outcome: await tell(saidBy(outgoing, false)) };
  };

  const postNew = (outgoing: Worded, delivery: Delivery, to = delivery.target): Promise<Called> =>
    say(outgoing, POST, (said) => {
      const isVerbatim = outgoing.kind === "verbatim";
      return call(delivery, POST, newMessage(said, to, delivery.part.id, isVerbatim), to);
    });

  const change = (outgoing: Worded, ts: string, delivery: Delivery): Promise<Called> =>
    say(outgoing, UPDATE, (said) => {
      const { target, part } = delivery;
      return call(delivery, UPDATE, changedMessage(said, target.channelId, ts, part.id));
    });

  /**
   * Answers where it was asked, also where we are no member. An earlier try that may have arrived is
   * replaced; of a further part, or beside a card, nobody could tell what would be.
   */
  const respondToCommand = async (
    outgoing: Worded,
    url: string,
    delivery: Delivery,
  ): Promise<Called> => {
    const { part, target } = delivery;
    const isFirst = await detours.isFirstBy(url, part.id);
    const isReplacing = isFirst && part.attempt > 1 && target.cardTs === undefined;
    return respond(outgoing, url, delivery, isReplacing);
  };

  const respond = async (
    outgoing: Worded,
    url: string,
    delivery: Delivery,
    isReplacing: boolean,
  ): Promise<Called> => {
    const called = await say(outgoing, "response_url", (said) => {
      const message = {
        response_type: "ephemeral",
        replace_original: isReplacing,
        ...said,
        ...(outgoing.kind === "verbatim" && { mrkdwn: false }),
        parse: "none",
        unfurl_links: false,
        unfurl_media: false,
      };
      return postResponse(url, message, baseUrl, post, delivery.signal);
    });
    if (called.outcome.kind !== "error") return called;
    const room = await privateRoom(delivery);
    if (!room.target) return { method: "conversations.open", outcome: room.outcome };
    await detours.begin(delivery.part.id);
    return postNew(outgoing, delivery, room.target);
  };

  /** Where only the person who is answered reads it: their chat with us. */
  const privateRoom = async (
    delivery: Delivery,
  ): Promise<
    { readonly target: SlackTarget } | { readonly target?: undefined; readonly outcome: ApiOutcome }
  > => {
    const { target } = delivery;
    const person = isPerson(target.channelId) ? target.channelId : target.userId;
    if (person === undefined) {
      return { outcome: { kind: "error", error: "user_not_found", body: {} } };
    }
    const outcome = await call(delivery, "conversations.open", { users: person });
    if (outcome.kind !== "ok") return { outcome };
    const channelId = textIn(objectIn(outcome.body, "channel"), "id");
    if (channelId === undefined) return { outcome: { kind: "lost", reason: "no room was named" } };
    const { teamId, replyTo } = target;
    return { target: { teamId, channelId, userId: person, replyTo } };
  };

  const changeCard = async (
    outgoing: Worded,
    cardTs: string,
    delivery: Delivery,
  ): Promise<Called> => {
    const called = await change(outgoing, cardTs, delivery);
    // What one person alone sees is found by the response URL only.
    if (!isGone(called.outcome) && !isOutside(called.outcome)) return called;
    const { responseUrl } = delivery.target;
    return responseUrl === undefined
      ? postNew(outgoing, delivery)
      : respond(outgoing, responseUrl, delivery, true);
  };

  const takeOver = async (
    outgoing: Worded,
    growth: { readonly ts: string; readonly isStream: boolean },
    delivery: Delivery,
  ): Promise<Called> => {
    const { target, part } = delivery;
    if (growth.isStream) {
      const method = "chat.stopStream";
      const ended = { channel: target.channelId, ts: growth.ts };
      const outcome = await call(delivery, method, ended);
      // Refused = it had ended before. Whatever else became of it, ending it twice is harmless.
      if (outcome.kind !== "ok" && outcome.kind !== "error") {
        const isLost = outcome.kind === "lost";
        const again: ApiOutcome = { kind: "unreachable", reason: "it may not have ended" };
        return { method, outcome: isLost ? again : outcome };
      }
    }
    const called = await change(outgoing, growth.ts, delivery);
    if (called.outcome.kind === "ok") await growing.settle(target, growth.ts, part.id);
    if (!isGone(called.outcome)) return called;
    await growing.forget(target);
    return postNew(outgoing, delivery);
  };

  const sendWords = (outgoing: Worded, delivery: Delivery): Promise<Called> => {
    const { cardTs, responseUrl } = delivery.target;
    if (outgoing.kind === "card" && cardTs !== undefined) {
      return changeCard(outgoing, cardTs, delivery);
    }
    // The chat with us is as private, and what is posted there can be looked up.
    if (responseUrl !== undefined && cardTs === undefined && !isChatOfTwo(delivery)) {
      return respondToCommand(outgoing, responseUrl, delivery);
    }
    const growth = growing.take(delivery.target, delivery.part.id);
    return growth instanceof Promise
      ? growth.then((taken) => sendWhole(outgoing, taken, delivery))
      : sendWhole(outgoing, growth, delivery);
  };

  /** In place of what has grown of it, if anything has. */
  const sendWhole = (outgoing: Worded, growth: Taken, delivery: Delivery): Promise<Called> => {
    if (growth.kind === "later") {
      const outcome: ApiOutcome = { kind: "limited", afterMs: growth.afterMs };
      return Promise.resolve({ method: POST, outcome });
    }
    if (growth.kind === "message") return takeOver(outgoing, growth, delivery);
    const posted = postNew(outgoing, delivery);
    const { responseUrl } = delivery.target;
    if (responseUrl === undefined) return posted;
    return posted.then((called) =>
      isOutside(called.outcome) ? respondToCommand(outgoing, responseUrl, delivery) : called,
    );
  };

  const sendFile = async (
    file: Extract<Outgoing, { readonly kind: "file" }>,
    delivery: Delivery,
  ): Promise<Called> => {
    const { target, part, signal } = delivery;
    const ask = (method: string, args: object) => call(delivery, method, args);
    const send = (to: SlackTarget) => files.send({ part, file }, to, ask, signal);
    // A file goes to a room, and never to a person by their id.
    if (!isPerson(target.channelId)) {
      const outcome = await send(target);
      const hasWay = target.responseUrl !== undefined;
      if (!isOutside(outcome) || !hasWay) return { method: COMPLETE, outcome };
    }
    const room = await privateRoom(delivery);
    if (!room.target) return { method: "conversations.open", outcome: room.outcome };
    await detours.begin(part.id);
    return { method: COMPLETE, outcome: await send(room.target) };
  };

  return (outgoing, delivery) =>
    outgoing.kind === "file" ? sendFile(outgoing, delivery) : sendWords(outgoing, delivery);
};

const isChatOfTwo = ({ target }: Delivery): boolean => target.channelId.startsWith("D");

/** We are no member of that room. */
const isOutside = (outcome: ApiOutcome): boolean =>
  outcome.kind === "error" && /^(?:channel_not_found|not_in_channel)$/.test(outcome.error);

/** There is no such message any more, or none that we may change. */
const isGone = (outcome: ApiOutcome): boolean =>
  outcome.kind === "error" &&
  /^(?:message_not_found|cant_update_message|edit_window_closed|update_failed)$/.test(
    outcome.error,
  );
