import type {
  OutboundPart,
  Receipt,
  Reconciliation,
  SendOutcome,
} from "../../../core/contract/channel.ts";
import type { ChannelState, Leases } from "../../../core/contract/channel-state.ts";
import type { Log } from "../../../core/contract/log.ts";
import type { InboundMessage, ReplyTarget } from "../../../core/contract/message.ts";
import { type ChannelMetrics, NO_CHANNEL_METRICS } from "../../../core/contract/metrics.ts";
import type { SocketReach } from "../../web-socket.ts";
import { streamAnswer } from "../bot/polls.ts";
import { streamIdOf } from "../bot/stream-id.ts";
import type { CorpCheck } from "../foreign-corp.ts";
import { createPace, createSharedPace } from "../pace.ts";
import { CHANNEL } from "../types.ts";
import { chatKey } from "./chat.ts";
import { LINK_TIMINGS, type LinkTimings, openConnection } from "./connection.ts";
import { createReplyContexts } from "./contexts.ts";
import { createGrowing } from "./growing.ts";
import { createHandover, type Errand } from "./handover.ts";
import { createOwner } from "./owner.ts";
import { createReceiver } from "./receiver.ts";
import { createLinkSender } from "./sender.ts";
import { createUpload } from "./upload.ts";

/** What the operator configured for one intelligent bot with a long connection; names as in the settings. */
export interface LinkedBot {
  readonly bot_id: string;
  /** Of the long connection; no other secret of the bot. */
  readonly secret: string;
  readonly ws_url: string;
  /** Where its users are. */
  readonly corp_id: string;
  /** How it is mentioned in groups, without `@`. */
  readonly name?: string;
  readonly reach?: SocketReach;
  /** The one host whose files may come without TLS or from a private address. */
  readonly api_base_url: string;
  /** Where else files may lie: `host` or `*.host`, as a parser of URLs writes them. */
  readonly file_hosts: readonly string[];
}

/** One intelligent bot with a long connection, which one replica holds for all. */
export interface BotLink {
  start(): void;
  /** Closes the link and lets another replica have it. */
  stop(): Promise<void>;
  /** Sends a part, or has the replica send it that holds the link. Rejects only where the store does. */
  send(part: OutboundPart, signal: AbortSignal): Promise<SendOutcome>;
  reconcile(part: OutboundPart): Promise<Reconciliation>;
  /** Shows what there is of an answer, where this replica holds the link. Never throws. */
  progress(target: ReplyTarget, markdown: string): void;
  /** Ends what is shown of a message that gets no answer. Never throws. */
  silent(target: ReplyTarget): void;
  /** What an operator has to put right; undefined while nothing is known to be wrong. */
  fault(): string | undefined;
}

export interface BotLinkOptions {
  readonly bot: LinkedBot;
  readonly checkCorp: CorpCheck;
  readonly state: ChannelState;
  readonly leases: Leases;
  /** Rejects when the message was not stored. */
  readonly store: (message: InboundMessage) => Promise<Receipt>;
  /** No other process can hold the link. */
  readonly isAlone: boolean;
  readonly now: () => Date;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly timings?: LinkTimings;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

// Of what a chat may get: the rest is for whole answers, which must not wait for what only grows.
const GROWING_SHARE = 0.5;
/** How long a part waits for a link that is just coming up. */
const LINK_MS = 10_000;
const LINK_DOWN_MS = 2_000;

// Whoever reads it is not known yet, so it says it in all three languages.
const TRY_AGAIN =
  "暂时无法处理，请稍后重发。 · 暫時無法處理，請稍後重傳。 · Busy just now; please send it again.";

// What a process leaves behind that was killed must not keep its only successor waiting.
const NOBODY_ELSE: Leases = {
  acquire: async () => ({ lost: new AbortController().signal, release: async () => {} }),
};

export const createBotLink = (options: BotLinkOptions): BotLink => {
  const { bot, state, leases, store, isAlone, now, random, log } = options;
  const { timings = LINK_TIMINGS, metrics = NO_CHANNEL_METRICS } = options;
  const botId = bot.bot_id;
  const about = { channel: CHANNEL, botId };
  const stopping = new AbortController();
  const contexts = createReplyContexts(state, botId);
  const pace = isAlone
    ? createPace(now)
    : createSharedPace(state, { corpId: bot.corp_id, agent: botId }, now);
  const handover = isAlone ? undefined : createHandover({ botId, state, now, log });

  const respond = async (_target: ReplyTarget, reqId: string, answer: object) => {
    const connection = await owner.connection(0, stopping.signal);
    return connection
      ? connection.request("aibot_respond_msg", answer, reqId)
      : ({ kind: "unsent", reason: "the link is down" } as const);
  };

  const growing = createGrowing({
    contexts,
    respond,
    now,
    log,
    metrics,
    mayShow: async (target) => (await pace.reserve(chatKey(target), GROWING_SHARE)) === 0,
  });

  const received = createReceiver({
    bot: { id: botId, corp_id: bot.corp_id, ...(bot.name !== undefined && { name: bot.name }) },
    contexts,
    store,
    now,
    log,
    metrics,
    signal: stopping.signal,
    checkCorp: options.checkCorp,
    stored: ({ content, target }, reqId) => {
      if (content.kind !== "event") growing.open(target, reqId);
    },
    lost: ({ content, target }, reqId) => {
      if (content.kind === "event") return;
      void respond(target, reqId, streamAnswer(streamIdOf(target), TRY_AGAIN, {}));
    },
  });

  const owner = createOwner({
    botId,
    state,
    random,
    log,
    metrics,
    leases: isAlone ? NOBODY_ELSE : leases,
    open: (signal) =>
      openConnection({
        url: bot.ws_url,
        reach: bot.reach ?? {},
        botId,
        secret: bot.secret,
        timings,
        log,
        received,
        signal,
      }),
  });

  const sender = createLinkSender({
    botId,
    contexts,
    growing,
    pace,
    now,
    log,
    // As many a minute and an hour as messages into one chat; no chat is called so.
    upload: createUpload(state, botId, () => pace.reserve(":uploads")),
  });

  const sendHere = async (part: OutboundPart, signal: AbortSignal): Promise<SendOutcome> => {
    const connection = await owner.connection(LINK_MS, signal);
    if (!connection) {
      return { kind: "retry", afterMs: LINK_DOWN_MS, reason: "the link is down" };
    }
    return sender.send(part, connection.request, signal);
  };

  const run = async (errand: Errand): Promise<SendOutcome> => {
    if (errand.kind === "silence") {
      growing.silence(errand.target);
      return { kind: "delivered" };
    }
    const known = sender.reconcile(errand.part);
    return known.kind === "send" ? sendHere(errand.part, stopping.signal) : known;
  };

  return {
    start: () => {
      owner.start();
      handover?.serve(run, owner.isOwner);
    },
    stop: async () => {
      stopping.abort();
      growing.stop();
      await handover?.stop();
      await owner.stop();
    },
    send: async (part, signal) =>
      handover && !owner.isOwner() ? handover.send(part, signal) : sendHere(part, signal),
    reconcile: async (part) => {
      const known = sender.reconcile(part);
      return known.kind === "send" && handover ? handover.reconcile(part) : known;
    },
    progress: (target, markdown) => growing.show(target, markdown),
    silent: (target) => {
      if (!handover || owner.isOwner()) return growing.silence(target);
      handover
        .silence(target)
        .catch((err: unknown) => log.warn({ ...about, err }, "owner not told of a silent message"));
    },
    fault: owner.fault,
  };
};
