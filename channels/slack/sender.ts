import { setMaxListeners } from "node:events";
import type { ChannelAdapter, OutboundPart, SendOutcome } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import { AttachmentError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { ApiOutcome } from "./api-outcome.ts";
import { createFiles } from "./files.ts";
import { createGrowing } from "./growing.ts";
import { createPost } from "./http.ts";
import { objectIn, textIn } from "./json.ts";
import { lookBack } from "./look-back.ts";
import { changedMessage, newMessage, saidBy } from "./message.ts";
import { isPart } from "./metadata.ts";
import { createOpenAnswers } from "./open-answers.ts";
import { openFile } from "./open-attachment.ts";
import { fromBody, type Outgoing } from "./outgoing.ts";
import { createPace } from "./pace.ts";
import { render } from "./render.ts";
import { postResponse } from "./response-url.ts";
import { createRoomCalls } from "./room-calls.ts";
import { kindOfError, sendOutcome } from "./send-outcome.ts";
import { readTarget, type SlackTarget } from "./target.ts";
import { CHANNEL } from "./types.ts";
import type { WebApi } from "./web-api.ts";
import type { Workspaces } from "./workspaces.ts";

/** What the outgoing half of the channel is made of. */
export interface SlackSenderParts {
  readonly api: WebApi;
  readonly workspaces: Pick<Workspaces, "tokenFor" | "refused" | "botUserOf">;
  readonly state: ChannelState;
  /** Same as the Web API's: files lie at its origin too, where it is not Slack's own. */
  readonly baseUrl: string;
  readonly now: () => Date;
  readonly log: Log;
  /** No other process speaks for these workspaces. Default false. */
  readonly isAlone?: boolean;
  /** Longest that one request may take. Default: 8 s, as the Web API's. */
  readonly timeoutMs?: number;
}

/** The outgoing half of the channel; `stop` ends what grows before people's eyes. */
export type SlackSender = Required<
  Pick<ChannelAdapter, "render" | "send" | "reconcile" | "progress" | "silent" | "openAttachment">
> & { stop(): void };

/** How a call ended, and which it was. */
interface Called {
  readonly method: string;
  readonly outcome: ApiOutcome;
}

type Worded = Exclude<Outgoing, { readonly kind: "file" }>;

/** One part on its way. */
interface Delivery {
  readonly part: OutboundPart;
  readonly target: SlackTarget;
  readonly signal: AbortSignal;
}

const POST = "chat.postMessage";
const UPDATE = "chat.update";
const COMPLETE = "files.completeUploadExternal";
const LATER_MS = 1_000;

/** Says in Slack what is to be said. */
export const createSlackSender = (parts: SlackSenderParts): SlackSender => {
  const { api, workspaces, state, baseUrl, now, log, isAlone = false, timeoutMs = 8_000 } = parts;
  const post = createPost(timeoutMs);
  const rooms = createRoomCalls({ api, workspaces, pace: createPace(now) });
  const files = createFiles({ state, baseUrl, post });
  const ending = new AbortController();
  setMaxListeners(0, ending.signal); // every call that is under way listens; Node warns from 11 on
  const growing = createGrowing({
    answers: createOpenAnswers(state, isAlone),
    isAlone,
    call: (target, method, args) => rooms.call(target, method, args, ending.signal),
    botUserId: async (teamId) => (await workspaces.botUserOf(teamId))?.userId,
    now,
    log,
  });

  const call = (
    { part, target, signal }: Delivery,
    method: string,
    args: object,
    place = target,
  ): Promise<ApiOutcome> => rooms.call(place, method, args, signal, part.id);

  /** With blocks; in words alone where Slack does not take them. */
  const say = async (
    outgoing: Worded,
    tell: (said: ReturnType<typeof saidBy>) => Promise<Called>,
  ): Promise<Called> => {
    const said = saidBy(outgoing);
    const called = await tell(said);
    const { outcome } = called;
    const isTooMuch = outcome.kind === "error" && kindOfError(outcome.error) === "blocks";
    if (!isTooMuch || !said.blocks) return called;
    const fields = { channel: CHANNEL, reason: outcome.error, alert: "slack_blocks_refused" };
    log.error(fields, "Slack does not take these blocks; it is said in words");
    return tell(saidBy(outgoing, false));
  };

  const postNew = (outgoing: Worded, delivery: Delivery, to = delivery.target): Promise<Called> =>
    say(outgoing, async (said) => {
      const isVerbatim = outgoing.kind === "verbatim";
      const message = newMessage(said, to, delivery.part.id, isVerbatim);
      return { method: POST, outcome: await call(delivery, POST, message, to) };
    });

  const change = (outgoing: Worded, ts: string, delivery: Delivery): Promise<Called> =>
    say(outgoing, async (said) => {
      const { target, part } = delivery;
      const message = changedMessage(said, target.channelId, ts, part.id);
      return { method: UPDATE, outcome: await call(delivery, UPDATE, message) };
    });

  /** Answers a command where it was given, also where we are no member. */
  const respond = async (
    outgoing: Worded,
    url: string,
    delivery: Delivery,
    isReplacing: boolean,
  ): Promise<Called> => {
    const called = await say(outgoing, async (said) => {
      const message = {
        response_type: "ephemeral",
        replace_original: isReplacing,
        ...said,
        ...(outgoing.kind === "verbatim" && { mrkdwn: false }),
        parse: "none",
        unfurl_links: false,
        unfurl_media: false,
      };
      const outcome = await postResponse(url, message, baseUrl, post, delivery.signal);
      return { method: "response_url", outcome };
    });
    if (called.outcome.kind !== "error") return called;
    const room = await privateRoom(delivery);
    if (!room.target) return { method: "conversations.open", outcome: room.outcome };
    return postNew(outgoing, delivery, room.target);
  };

  /** Where only the person who is answered reads it: the same chat if it is one of two. */
  const privateRoom = async (
    delivery: Delivery,
  ): Promise<
    { readonly target: SlackTarget } | { readonly target?: undefined; readonly outcome: ApiOutcome }
  > => {
    const { target } = delivery;
    if (target.channelId.startsWith("D")) return { target };
    if (target.userId === undefined) {
      return { outcome: { kind: "error", error: "user_not_found", body: {} } };
    }
    const outcome = await call(delivery, "conversations.open", { users: target.userId });
    if (outcome.kind !== "ok") return { outcome };
    const channelId = textIn(objectIn(outcome.body, "channel"), "id");
    if (channelId === undefined) return { outcome: { kind: "lost", reason: "no room was named" } };
    const { teamId, userId, replyTo } = target;
    return { target: { teamId, channelId, userId, replyTo } };
  };

  const changeCard = async (
    outgoing: Worded,
    cardTs: string,
    delivery: Delivery,
  ): Promise<Called> => {
    const called = await change(outgoing, cardTs, delivery);
    if (called.outcome.kind !== "error" || !isGone(called.outcome.error)) return called;
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
    if (called.outcome.kind !== "error" || !isGone(called.outcome.error)) return called;
    await growing.forget(target);
    return postNew(outgoing, delivery);
  };

  /** What has begun to be shown of an answer that there will be none of. */
  const withdraw = async (target: SlackTarget): Promise<void> => {
    try {
      const growth = await growing.take(target, "");
      if (growth.kind !== "message") return;
      const message = { channel: target.channelId, ts: growth.ts };
      if (growth.isStream) await rooms.call(target, "chat.stopStream", message, ending.signal);
      await rooms.call(target, "chat.delete", message, ending.signal);
      await growing.forget(target);
    } catch (err) {
      log.warn({ channel: CHANNEL, err }, "an unfinished answer stays where it is");
    }
  };

  const sendWords = async (outgoing: Worded, delivery: Delivery): Promise<Called> => {
    const { cardTs, responseUrl } = delivery.target;
    if (outgoing.kind === "card" && cardTs !== undefined) {
      return changeCard(outgoing, cardTs, delivery);
    }
    if (responseUrl !== undefined && cardTs === undefined) {
      return respond(outgoing, responseUrl, delivery, false);
    }
    const growth = await growing.take(delivery.target, delivery.part.id);
    if (growth.kind === "later") {
      return { method: POST, outcome: { kind: "limited", afterMs: growth.afterMs } };
    }
    return growth.kind === "none"
      ? postNew(outgoing, delivery)
      : takeOver(outgoing, growth, delivery);
  };

  const sendFile = async (
    file: Extract<Outgoing, { readonly kind: "file" }>,
    delivery: Delivery,
  ): Promise<Called> => {
    const { target, part, signal } = delivery;
    const ask = (method: string, args: object) => call(delivery, method, args);
    const outcome = await files.send({ part, file }, target, ask, signal);
    const isOutside =
      outcome.kind === "error" && /^(?:channel_not_found|not_in_channel)$/.test(outcome.error);
    if (!isOutside || target.responseUrl === undefined) return { method: COMPLETE, outcome };
    const room = await privateRoom(delivery);
    if (!room.target) return { method: "conversations.open", outcome: room.outcome };
    return {
      method: COMPLETE,
      outcome: await files.send({ part, file }, room.target, ask, signal),
    };
  };

  const concluded = ({ method, outcome }: Called, { part, target }: Delivery): SendOutcome => {
    if (outcome.kind === "error") {
      const { error } = outcome;
      const kind = kindOfError(error);
      const fields = { channel: CHANNEL, teamId: target.teamId, partId: part.id, method, error };
      if (kind === "configuration" || kind === "token" || kind === "bug" || kind === "blocks") {
        const text = "Slack refuses to send; the error says what an operator or we have to change";
        log.error({ ...fields, alert: "slack_send_refused" }, text);
      }
    }
    return sendOutcome(method, outcome);
  };

  return {
    render: (reply) => render(reply),

    send: async (part, signal) => {
      const target = readTarget(part.target);
      if (!target) return { kind: "refused", reason: "no address in Slack" };
      const delivery = { part, target, signal };
      const outgoing = fromBody(part.body);
      try {
        const called = await (outgoing.kind === "file"
          ? sendFile(outgoing, delivery)
          : sendWords(outgoing, delivery));
        return concluded(called, delivery);
      } catch (err) {
        // What is remembered cannot be read or written; a message may have been sent before.
        log.warn({ channel: CHANNEL, partId: part.id, err }, "sending broke off");
        return { kind: "unknown", reason: "the channel's state is away" };
      }
    },

    reconcile: async (part, signal) => {
      const target = readTarget(part.target);
      // Changing the same message again is harmless, and what only its reader sees cannot be looked up.
      if (!target || target.responseUrl !== undefined) return { kind: "send" };
      const outgoing = fromBody(part.body);
      try {
        if (outgoing.kind === "card" && target.cardTs !== undefined) return { kind: "send" };
        const isIt = outgoing.kind === "file" ? await files.isShown(part.id) : isPart(part.id);
        if (!isIt) return { kind: "send" };
        const ask = (method: string, args: object) =>
          rooms.call(target, method, args, signal, part.id);
        const found = await lookBack(target, isIt, ask);
        if (found.kind === "found") return { kind: "delivered" };
        if (found.kind === "later") {
          return { kind: "retry", afterMs: found.afterMs, reason: found.reason };
        }
        if (found.kind === "unable") {
          const fields = { channel: CHANNEL, teamId: target.teamId, reason: found.reason };
          log.error(
            { ...fields, partId: part.id, alert: "slack_history_unreadable" },
            "cannot look whether an answer arrived, so it is sent again; grant the history scopes",
          );
        }
        return { kind: "send" };
      } catch (err) {
        log.warn({ channel: CHANNEL, partId: part.id, err }, "looking back broke off");
        return { kind: "retry", afterMs: LATER_MS, reason: "the channel's state is away" };
      }
    },

    progress: (target, markdown) => {
      const place = readTarget(target);
      if (place) growing.show(place, markdown);
    },

    silent: (target) => {
      const place = readTarget(target);
      if (place) void withdraw(place);
    },

    openAttachment: async (target, attachment, signal) => {
      const place = readTarget(target);
      const token = place && (await workspaces.tokenFor(place.teamId).catch(() => undefined));
      if (!place || token === undefined) {
        throw new AttachmentError("refused", "slack file: the app is not installed there");
      }
      const ask = (method: string, args: object) => rooms.call(place, method, args, signal);
      return openFile(attachment, { baseUrl, token, timeoutMs, ask }, signal);
    },

    stop: () => {
      growing.stop();
      ending.abort();
    },
  };
};

/** There is no such message any more, or none that we may change. */
const isGone = (error: string): boolean =>
  /^(?:message_not_found|cant_update_message|edit_window_closed|update_failed)$/.test(error);
