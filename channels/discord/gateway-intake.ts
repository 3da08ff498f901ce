import type { Receive } from "../../core/contract/channel.ts";
import { OverloadError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { createInTurn } from "../in-turn.ts";
import { pause } from "../pause.ts";
import { createBehind } from "./behind.ts";
import type { Conversations } from "./conversations.ts";
import { deletion, feedback, type Reaction, reactionKey, readReaction } from "./events.ts";
import type { Members } from "./members.ts";
import { createMissed } from "./missed.ts";
import { type Place, startsThread, toInbound } from "./parse.ts";
import { idIn, numberIn, objectIn, type Payload, textIn } from "./payload.ts";
import type { Places } from "./places.ts";
import { createRecent } from "./recent.ts";
import type { Rest } from "./rest.ts";
import { createScene } from "./scene.ts";
import { CHANNEL } from "./target.ts";

/**
 * Takes in what the gateway tells, each room's in order. What cannot be stored now is not held for
 * long: the room falls behind, and is read from Discord again from its last position on.
 */
export interface GatewayIntake {
  message(data: Payload): void;
  edited(data: Payload): void;
  deleted(data: Payload, ids: readonly string[]): void;
  reacted(data: Payload): void;
  /** A reaction was taken back; told of one that was taken in. */
  unreacted(data: Payload): void;
  /** A new session is there: what was said in the rooms of its guilds while nobody listened is fetched. */
  sessionBegan(ready: Payload, isOurs: (guildId: string | undefined) => boolean): void;
  /** A guild tells its rooms. */
  guildTold(guild: Payload): void;
  /** Resolves when what was begun is over. */
  idle(): Promise<void>;
}

export interface IntakeTimings {
  /** Between the tries to store one message. */
  readonly retriesMs: readonly number[];
  readonly firstCatchUpMs: number;
  readonly longestCatchUpMs: number;
  /** How long guilds that do not tell their rooms are waited for before those are read. */
  readonly guildsMs: number;
}

export const INTAKE_TIMINGS: IntakeTimings = {
  retriesMs: [250, 1_000, 3_000],
  firstCatchUpMs: 2_000,
  longestCatchUpMs: 30_000,
  guildsMs: 5_000,
};

export interface GatewayIntakeOptions {
  readonly rest: Rest;
  readonly conversations: Conversations;
  readonly places: Places;
  readonly members: Pick<Members, "rolesIn">;
  readonly receive: Receive;
  readonly ourId: () => string;
  readonly timings: IntakeTimings;
  readonly now: () => Date;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
  readonly signal: AbortSignal;
}

/** More than this many dispatches are not held: memory is for those who can be answered. */
const MAX_HELD = 5_000;

export const createGatewayIntake = (options: GatewayIntakeOptions): GatewayIntake => {
  const { rest, conversations, receive, ourId, timings, now, log, signal } = options;
  const { selfIn, isOwned, concernsUs, placeOf, rolesOf } = createScene(options);
  const about = { channel: CHANNEL };
  const inTurn = createInTurn();
  const work = new Set<Promise<unknown>>();
  const recent = createRecent();
  const reactions = createRecent();
  let held = 0;

  const track = (promise: Promise<unknown>): void => {
    const tracked = promise
      .catch((err: unknown) => log.error({ ...about, err }, "dispatch not handled"))
      .finally(() => work.delete(tracked));
    work.add(tracked);
  };

  const remember = async (place: Place, messageId: string): Promise<void> => {
    const { channelId, guildId } = place;
    const where = guildId === undefined ? {} : { guildId };
    const before = String(BigInt(messageId) - 1n);
    await conversations.open({ channelId, ...where, isOwned: place.isOwned, last: before });
    if (!startsThread(place)) return;
    await conversations.open({ channelId: messageId, ...where, isOwned: true, last: messageId });
  };

  /** Rejects when it cannot be decided or stored for now. `edit` tells one edit from another. */
  const consider = async (
    message: Payload,
    guildId: string | undefined,
    edit?: string,
  ): Promise<void> => {
    const [id, channelId] = [idIn(message, "id"), idIn(message, "channel_id")];
    if (id === undefined || channelId === undefined) return;
    if (!concernsUs(message, channelId, guildId)) return;
    const place = await placeOf(message, channelId, guildId);
    const roles = await rolesOf(message, guildId, idIn(objectIn(message, "author"), "id") ?? "");
    if (roles === "absent") return;
    const inbound = toInbound(message, { self: selfIn(guildId), place, roles });
    if (!inbound) return;
    // Both before the position moves on; in which order does not matter.
    await Promise.all([
      remember(place, id),
      receive(edit === undefined ? inbound : { ...inbound, id: `${id}/edit/${edit}` }),
    ]);
    recent.note(id, message);
  };

  const withRetries = async (what: () => Promise<void>): Promise<boolean> => {
    for (const waitMs of [...timings.retriesMs, undefined]) {
      try {
        await what();
        return true;
      } catch (err) {
        log.warn({ ...about, err }, "message not taken in; trying again");
        if (err instanceof OverloadError || waitMs === undefined || signal.aborted) return false;
        await pause(waitMs, signal);
      }
    }
    return false;
  };

  const behind = createBehind({
    rest,
    conversations,
    inTurn,
    timings,
    now,
    log,
    signal,
    track,
    take: consider,
  });

  const missed = createMissed({ conversations, behind, guildsMs: timings.guildsMs });

  /** Behind what was missed in the room, and what is under way there. */
  const inTurnOf = <T>(
    channelId: string,
    guildId: string | undefined,
    what: () => Promise<T>,
  ): Promise<T> => {
    missed.heard(channelId, guildId);
    return inTurn.run(channelId, what);
  };

  const putOff = (channelId: string, guildId: string | undefined, messageId: string): void => {
    options.metrics?.told("unread", "store", "put_off");
    behind.fallTo({
      channelId,
      ...(guildId !== undefined && { guildId }),
      isOwned: isOwned(channelId),
      last: String(BigInt(messageId) - 1n),
    });
  };

  /** Runs in the room's turn; where it cannot be done, the room is read from Discord again. */
  const inRoom = (
    channelId: string,
    guildId: string | undefined,
    messageId: string,
    what: () => Promise<void>,
  ): void => {
    if (held >= MAX_HELD) {
      putOff(channelId, guildId, messageId);
      return;
    }
    held += 1;
    track(
      inTurnOf(channelId, guildId, async () => {
        if (await withRetries(what)) conversations.moveTo(channelId, messageId);
        else putOff(channelId, guildId, messageId);
      }).finally(() => {
        held -= 1;
      }),
    );
  };

  const takeFeedback = async (reaction: Reaction, data: Payload): Promise<void> => {
    const [channelId, guildId] = [idIn(data, "channel_id"), idIn(data, "guild_id")];
    if (channelId === undefined) return;
    const place = { ...(await placeOf(data, channelId, guildId)), takesThreads: false };
    const roles = await rolesOf(data, guildId, reaction.userId);
    if (roles !== "absent") await receive(feedback(reaction, { data, place, roles }, now()));
  };

  const judged = (data: Payload, what: () => Promise<void>): void => {
    const channelId = idIn(data, "channel_id");
    if (channelId === undefined) return;
    track(inTurnOf(channelId, idIn(data, "guild_id"), () => withRetries(what)));
  };

  return {
    message: (data) => {
      const [id, channelId] = [idIn(data, "id"), idIn(data, "channel_id")];
      const guildId = idIn(data, "guild_id");
      if (id === undefined || channelId === undefined || !isDecidable(data)) return;
      const isKnown = conversations.get(channelId) !== undefined;
      if (!isKnown && !concernsUs(data, channelId, guildId)) return;
      inRoom(channelId, guildId, id, () => consider(data, guildId));
    },

    edited: (data) => {
      const [id, channelId] = [idIn(data, "id"), idIn(data, "channel_id")];
      const editedAt = textIn(data, "edited_timestamp");
      const content = textIn(data, "content");
      // Unfolded links and pins come as edits, too.
      if (id === undefined || channelId === undefined) return;
      if (editedAt === undefined || content === undefined || !isDecidable(data)) return;
      track(
        inTurnOf(channelId, idIn(data, "guild_id"), () =>
          withRetries(async () => {
            const before = recent.get(id);
            if (before && textIn(before, "content") === content) return;
            const guildId = idIn(data, "guild_id") ?? idIn(before, "guild_id");
            await consider({ ...before, ...data }, guildId, editedAt);
          }),
        ),
      );
    },

    deleted: (data, ids) => {
      const channelId = idIn(data, "channel_id");
      if (channelId === undefined) return;
      const deleteOne = async (id: string): Promise<void> => {
        const message = recent.get(id);
        if (!message) return;
        const guildId = idIn(message, "guild_id") ?? idIn(data, "guild_id");
        const place = await placeOf(message, channelId, guildId);
        const userId = idIn(objectIn(message, "author"), "id") ?? "";
        const roles = await rolesOf(message, guildId, userId);
        if (roles !== "absent") {
          await receive(deletion(message, { id, place, roles }, now()));
        }
        recent.forget(id);
      };
      track(
        inTurnOf(channelId, idIn(data, "guild_id"), async () => {
          for (const id of ids) await withRetries(() => deleteOne(id));
        }),
      );
    },

    reacted: (data) => {
      const reaction = readReaction(data, ourId());
      if (!reaction) return;
      judged(data, async () => {
        await takeFeedback(reaction, data);
        reactions.note(reactionKey(reaction), data);
      });
    },

    unreacted: (data) => {
      const reaction = readReaction(data, ourId(), true);
      if (!reaction) return;
      judged(data, async () => {
        // Whose message it was on, and who did it, was told with the reaction alone.
        const before = reactions.get(reactionKey(reaction));
        if (before) await takeFeedback(reaction, before);
      });
    },

    sessionBegan: missed.begin,
    guildTold: missed.guildTold,

    idle: async () => {
      missed.stop();
      while (work.size > 0) await Promise.all([...work]);
    },
  };
};

const DIRECT = 1;

/** Without a guild it must be a direct chat: a room of a guild that is not named is nobody's. */
const isDecidable = (data: Payload): boolean => {
  const type = numberIn(data, "channel_type");
  return idIn(data, "guild_id") !== undefined || type === undefined || type === DIRECT;
};
