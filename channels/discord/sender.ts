import type {
  ChannelAdapter,
  OutboundPart,
  Reconciliation,
  SendOutcome,
} from "../../core/contract/channel.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import type { ReplyTarget } from "../../core/contract/message.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { rememberAliases } from "./choices.ts";
import type { Deferrals } from "./deferrals.ts";
import { createFiles } from "./files.ts";
import { createInteractionSender, wayOf } from "./interaction-sender.ts";
import { createLookBack, saysSame } from "./look-back.ts";
import { type Payload, textIn } from "./payload.ts";
import { createPosted } from "./posted.ts";
import { createProgress } from "./progress.ts";
import { render } from "./render.ts";
import type { Rest } from "./rest.ts";
import { answers, createRoomSender } from "./room-sender.ts";
import { createRooms } from "./rooms.ts";
import { notYet } from "./send-outcome.ts";
import { nonceOfPart, type Sending, sendingOf } from "./sending.ts";
import { createShownMessages } from "./shown.ts";
import { CHANNEL, originalRoute, readTarget, type TargetInteraction } from "./target.ts";
import { createTyping } from "./typing.ts";

export interface DiscordSenderParts {
  readonly rest: Rest;
  readonly state: ChannelState;
  /** Shared with what acknowledges interactions. */
  readonly deferrals: Deferrals;
  readonly log: Log;
  readonly now: () => Date;
  /** Files may come from its origin too. */
  readonly apiBaseUrl: string;
  readonly fetch?: typeof globalThis.fetch;
  /** From one edit of a growing answer to the next. Default: 1.2 s. */
  readonly everyMs?: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

/** What the adapter does to bring answers out. */
export interface DiscordSender
  extends Required<
    Pick<
      ChannelAdapter,
      "render" | "send" | "reconcile" | "working" | "progress" | "silent" | "openAttachment"
    >
  > {
  /** Ends what grows just now. */
  stop(): void;
}

const STORE_AWAY_MS = 2_000;
// What is sent in its last moments may arrive after them.
const TOKEN_MARGIN_MS = 5_000;

export const createDiscordSender = (parts: DiscordSenderParts): DiscordSender => {
  const { rest, state, deferrals, log, now, apiBaseUrl } = parts;
  const { fetch = globalThis.fetch } = parts;
  const shown = createShownMessages(state);
  const posted = createPosted(shown);
  const rooms = createRooms(rest, state, log);
  const lookBack = createLookBack(rest);
  const progress = createProgress({ ...parts, rooms, shown });
  const typing = createTyping(rest);
  const sendToRoom = createRoomSender({ rest, rooms, shown, posted, lookBack });
  const answerInteraction = createInteractionSender({ rest, posted, now });

  const living = ({ target }: Pick<Sending, "target">): TargetInteraction | undefined => {
    const left = (target.interaction?.expiresAt.getTime() ?? 0) - now().getTime();
    return left > TOKEN_MARGIN_MS ? target.interaction : undefined;
  };

  const bringOut = async (sending: Sending): Promise<SendOutcome> => {
    const { part, target, outgoing } = sending;
    await deferrals.settled(target.replyTo);
    if (outgoing.n === 0) {
      await typing.end(part.target);
      await progress.end(part.target);
      // What another process shows of it must not replace it either.
      if (target.interaction) await shown.claim(target, part.id);
    }
    if (outgoing.kind === "card" && outgoing.aliases)
      await rememberAliases(state, outgoing.aliases);
    const interaction = living(sending);
    const outcome = interaction && (await answerInteraction(sending, interaction));
    return outcome ?? sendToRoom(sending);
  };

  const findOut = async (sending: Sending): Promise<Reconciliation> => {
    const { part, target, outgoing, signal } = sending;
    const interaction = living(sending);
    const again = { kind: "send" } as const;
    // Editing again changes nothing, and what only one person sees cannot be looked up.
    if (interaction && wayOf(sending, interaction) !== "follow-up") return again;
    if (outgoing.kind === "card" && target.cardMessageId !== undefined) return again;
    const known = await shown.find(target);
    const isOurs = outgoing.n === 0 && known?.partId === part.id;
    if (isOurs && known.messageId !== undefined && !interaction) return again;
    const room = await rooms.find(target, signal);
    if (room.kind === "away") return asReconciliation(notYet("open room", room.outcome));
    const nonce = nonceOfPart(sending);
    const fits = (message: Payload): boolean =>
      textIn(message, "nonce") === nonce ||
      (!posted.isOthers(textIn(message, "id") ?? "", part.id) &&
        (saysSame(message, outgoing) || (isOurs && answers(message, target, room.channelId))));
    const after = (outgoing.n > 0 ? known?.last : undefined) ?? target.replyTo;
    const found = await lookBack.find(room.channelId, after, fits, signal);
    if (found.kind === "away") return asReconciliation(notYet("look back", found.outcome));
    if (found.kind === "none") return again;
    if (isOurs && !saysSame(found.message, outgoing)) {
      await shown.found(target, part.id, found.id);
      return again;
    }
    await posted.note(found.id, sending);
    return { kind: "delivered" };
  };

  /** Nobody shall wait for an answer that was announced, or begun, and does not come. */
  const withdraw = async (stored: ReplyTarget): Promise<void> => {
    await typing.end(stored);
    await progress.end(stored);
    const target = readTarget(stored);
    const { interaction, replyTo } = target;
    if (interaction) {
      if (interaction.deferred !== "message") return;
      await deferrals.settled(replyTo);
      await rest.request("DELETE", originalRoute(interaction), { auth: false });
      return;
    }
    const begun = await shown.find(target);
    if (begun?.messageId === undefined || begun.partId !== undefined) return;
    const room = await rooms.find(target);
    if (room.kind === "away") return;
    await rest.request("DELETE", `/channels/${room.channelId}/messages/${begun.messageId}`);
  };

  /** A store that is away is no fault of the part. */
  const guarded = async <Result>(work: Promise<Result>, part: OutboundPart) => {
    try {
      return await work;
    } catch (err) {
      log.warn({ channel: CHANNEL, err, partId: part.id }, "not sent for now");
      return undefined;
    }
  };

  return {
    render,
    // Whatever was sent before the store went away has a nonce, or can be edited again.
    send: async (part, signal) =>
      (await guarded(bringOut(sendingOf(part, signal)), part)) ?? {
        kind: "unknown",
        reason: "the store is away",
      },
    reconcile: async (part, signal) =>
      (await guarded(findOut(sendingOf(part, signal)), part)) ?? {
        kind: "retry",
        afterMs: STORE_AWAY_MS,
        reason: "the store is away",
      },
    working: typing.begin,
    progress: (target, markdown) => {
      void typing.end(target);
      progress.show(target, markdown);
    },
    silent: (target) => {
      withdraw(target).catch((err) =>
        log.warn({ channel: CHANNEL, err }, "announced answer not taken back"),
      );
    },
    openAttachment: createFiles({ rest, fetch, apiBaseUrl }),
    stop: () => {
      typing.stop();
      progress.stop();
    },
  };
};

/** Only what is no outcome of a send that was refused for good goes on from looking it up. */
const asReconciliation = (outcome: SendOutcome): Reconciliation =>
  outcome.kind === "retry" ? outcome : { kind: "send" };
