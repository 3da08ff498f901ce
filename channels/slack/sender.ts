import { setMaxListeners } from "node:events";
import type { ChannelAdapter, SendOutcome } from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import { AttachmentError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { type Called, createDeliver, type Delivery } from "./deliver.ts";
import { createDetours } from "./detours.ts";
import { createFiles } from "./files.ts";
import { createGrowing } from "./growing.ts";
import { createPost } from "./http.ts";
import { lookBack } from "./look-back.ts";
import { isPart } from "./metadata.ts";
import { createOpenAnswers } from "./open-answers.ts";
import { openFile } from "./open-attachment.ts";
import { fromBody, type Outgoing } from "./outgoing.ts";
import { createPace } from "./pace.ts";
import { createPrompts } from "./prompts.ts";
import { render } from "./render.ts";
import { createRoomCalls } from "./room-calls.ts";
import { kindOfError, sendOutcome } from "./send-outcome.ts";
import { createStatus } from "./status.ts";
import { isPerson, readTarget, type SlackTarget } from "./target.ts";
import { CHANNEL } from "./types.ts";
import type { WebApi } from "./web-api.ts";
import type { Workspaces } from "./workspaces.ts";

/** What the outgoing half of the channel is made of. */
export interface SlackSenderParts {
  readonly api: WebApi;
  readonly workspaces: Workspaces;
  readonly state: ChannelState;
  /** Same as the Web API's: files lie at its origin too, where it is not Slack's own. */
  readonly baseUrl: string;
  readonly now: () => Date;
  /** By a clock that nobody sets: how long Slack's limits last. Default: `now`. */
  readonly steadyNow?: () => Date;
  readonly log: Log;
  /** No other process speaks for these workspaces. Default false. */
  readonly isAlone?: boolean;
  /** Longest that one request may take. Default: 8 s, as the Web API's. */
  readonly timeoutMs?: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

/** The outgoing half of the channel; `stop` ends what grows before people's eyes. */
export type SlackSender = Required<
  Pick<
    ChannelAdapter,
    | "render"
    | "send"
    | "reconcile"
    | "working"
    | "progress"
    | "suggest"
    | "silent"
    | "openAttachment"
  >
> & { stop(): void };

const LATER_MS = 1_000;

/** Says in Slack what is to be said. */
export const createSlackSender = (parts: SlackSenderParts): SlackSender => {
  const { api, workspaces, state, baseUrl, now, log, isAlone = false, timeoutMs = 8_000 } = parts;
  const post = createPost(timeoutMs);
  const rooms = createRoomCalls({ api, workspaces, pace: createPace(parts.steadyNow ?? now) });
  const files = createFiles({ state, baseUrl, post });
  const detours = createDetours(state);
  const ending = new AbortController();
  setMaxListeners(0, ending.signal); // every call that is under way listens; Node warns from 11 on
  const growing = createGrowing({
    answers: createOpenAnswers(state, isAlone),
    isAlone,
    call: (target, method, args) => rooms.call(target, method, args, ending.signal),
    botUserId: async (teamId) => (await workspaces.botUserOf(teamId))?.userId,
    now,
    log,
    ...(parts.metrics && { metrics: parts.metrics }),
  });

  const status = createStatus({ rooms, now });
  const prompts = createPrompts({ rooms, log });
  const deliver = createDeliver({ rooms, growing, files, detours, baseUrl, post, log });

  /** What has begun to be shown of an answer that there will be none of. */
  const withdraw = async (target: SlackTarget): Promise<void> => {
    try {
      await status.withdraw(target);
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

  /** Where an earlier try of a part can be seen; undefined where none can. */
  const placeOf = async (
    partId: string,
    { kind }: Outgoing,
    target: SlackTarget,
  ): Promise<SlackTarget | undefined> => {
    const { channelId, cardTs, responseUrl, userId } = target;
    const isCommand = responseUrl !== undefined && cardTs === undefined;
    if (responseUrl !== undefined && (await detours.hasBegun(partId))) {
      const { threadTs: _, ...place } = target;
      return { ...place, channelId: userId ?? channelId };
    }
    return isCommand && kind !== "file" && !channelId.startsWith("D") ? undefined : target;
  };

  return {
    render,

    send: async (part, signal) => {
      const target = readTarget(part.target);
      if (!target) return { kind: "refused", reason: "no address in Slack" };
      const delivery = { part, target, signal };
      const outgoing = fromBody(part.body);
      try {
        const ended = status.end(target);
        if (ended instanceof Promise) await ended;
        const called = await deliver(outgoing, delivery);
        return concluded(called, delivery);
      } catch (err) {
        // What is remembered cannot be read or written; a message may have been sent before.
        log.warn({ channel: CHANNEL, partId: part.id, err }, "sending broke off");
        return { kind: "unknown", reason: "the channel's state is away" };
      }
    },

    reconcile: async (part, signal) => {
      const target = readTarget(part.target);
      if (!target) return { kind: "send" };
      const outgoing = fromBody(part.body);
      try {
        const isIt = outgoing.kind === "file" ? await files.isShown(part.id) : isPart(part.id);
        if (!isIt) return { kind: "send" };
        const place = await placeOf(part.id, outgoing, target);
        // What one person alone sees cannot be looked up; there, and by an edit, it replaces itself.
        if (!place) return { kind: "send" };
        const ask = (method: string, args: object) =>
          rooms.call(target, method, args, signal, part.id);
        const found = await lookBack(place, isIt, ask);
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

    working: (target, locale) => {
      const place = readTarget(target);
      if (place) status.begin(place, locale);
    },

    progress: (target, markdown) => {
      const place = readTarget(target);
      // What was posted to a person lies in a room that is not known by their id.
      if (!place || isPerson(place.channelId)) return;
      void status.end(place);
      growing.show(place, markdown);
    },

    suggest: (target, suggestions) => {
      const place = readTarget(target);
      if (place) void prompts.suggest(place, suggestions);
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
      status.stop();
      growing.stop();
      ending.abort();
    },
  };
};
