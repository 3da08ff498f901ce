import type { Receive } from "../../core/contract/channel.ts";
import { OverloadError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { createInTurn } from "../in-turn.ts";
import { pause } from "../pause.ts";
import { catchUp } from "./catch-up.ts";
import type { Conversations } from "./conversations.ts";
import { deletion, feedback, readReaction } from "./events.ts";
import type { Members } from "./members.ts";
import { isFromPerson, isMention, type Place, startsThread, toInbound } from "./parse.ts";
import { idIn, idsIn, numberIn, objectIn, type Payload, textIn } from "./payload.ts";
import type { Places } from "./places.ts";
import type { Rest } from "./rest.ts";
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
  /** Fetches what was said in the rooms of these guilds while nobody listened. */
  fetchMissed(isOurs: (guildId: string | undefined) => boolean): void;
  /** Resolves when what was begun is over. */
  idle(): Promise<void>;
}

export interface IntakeTimings {
  /** Between the tries to store one message. */
  readonly retriesMs: readonly number[];
  readonly firstCatchUpMs: number;
  readonly longestCatchUpMs: number;
}

export const INTAKE_TIMINGS: IntakeTimings = {
  retriesMs: [250, 1_000, 3_000],
  firstCatchUpMs: 2_000,
  longestCatchUpMs: 30_000,
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

/** Rooms that are read at once; the rest of what Discord allows is for answers. */
const CATCH_UPS = 4;
/** More than this many dispatches are not held: memory is for those who can be answered. */
const MAX_HELD = 5_000;
/** Messages whose text is known, so that an edit can be told from a link that was unfolded. */
const MAX_RECENT = 5_000;

/** What cannot be told for now. */
class UnsettledError extends Error {
  override readonly name = "UnsettledError";
}

export const createGatewayIntake = (options: GatewayIntakeOptions): GatewayIntake => {
  const { rest, conversations, places, members, receive, ourId, timings, log, signal } = options;
  const about = { channel: CHANNEL };
  const inTurn = createInTurn();
  const reading = createInTurn();
  const work = new Set<Promise<unknown>>();
  // By room that is behind: whether it must be read once more after the reading that is under way.
  const behind = new Map<string, { again: boolean }>();
  const recent = new Map<string, Payload>();
  let held = 0;
  let readings = 0;

  const track = (promise: Promise<unknown>): void => {
    const tracked = promise
      .catch((err: unknown) => log.error({ ...about, err }, "dispatch not handled"))
      .finally(() => work.delete(tracked));
    work.add(tracked);
  };

  const selfIn = (guildId: string | undefined) => ({
    userId: ourId(),
    roleIds: places.ourRoles(guildId),
  });

  const isOwned = (channelId: string): boolean =>
    conversations.get(channelId)?.isOwned === true || places.isOurThread(channelId);

  /** Whether a message may be meant for us, told without asking anybody. */
  const concernsUs = (message: Payload, channelId: string, guildId: string | undefined): boolean =>
    isFromPerson(message, selfIn(guildId)) &&
    (guildId === undefined || isOwned(channelId) || isMention(message, selfIn(guildId)));

  const placeOf = async (
    data: Payload,
    channelId: string,
    guildId: string | undefined,
  ): Promise<Place> => {
    const type = numberIn(data, "channel_type");
    const room = { channelId, guildId, ...(type !== undefined && { type }) };
    const place = await places.of(room, signal);
    if (!place) throw new UnsettledError(`room ${channelId} cannot be looked at`);
    return { ...place, isOwned: isOwned(channelId) };
  };

  /** As they are told with the message; for one that was read later, as they are now. */
  const rolesOf = async (
    data: Payload,
    guildId: string | undefined,
    userId: string,
  ): Promise<readonly string[] | "absent"> => {
    const member = objectIn(data, "member");
    if (guildId === undefined) return [];
    if (member) return idsIn(member, "roles");
    const roles = await members.rolesIn(guildId, userId, signal);
    if (roles === undefined) throw new UnsettledError(`guild ${guildId} cannot be asked`);
    return roles;
  };

  const remember = async (place: Place, messageId: string): Promise<void> => {
    const { channelId, guildId } = place;
    const where = guildId === undefined ? {} : { guildId };
    const before = String(BigInt(messageId) - 1n);
    await conversations.open({ channelId, ...where, isOwned: place.isOwned, last: before });
    if (!startsThread(place)) return;
    await conversations.open({ channelId: messageId, ...where, isOwned: true, last: messageId });
  };

  const noteText = (id: string, message: Payload): void => {
    recent.delete(id);
    const [oldest] = recent.keys();
    if (recent.size >= MAX_RECENT && oldest !== undefined) recent.delete(oldest);
    recent.set(id, message);
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
    noteText(id, message);
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

  /** Runs in the room's turn; where it cannot be done, the room is read from Discord again. */
  const inRoom = (
    channelId: string,
    guildId: string | undefined,
    messageId: string,
    what: () => Promise<void>,
  ): void => {
    if (held >= MAX_HELD) {
      fallBehind(channelId, guildId, messageId);
      return;
    }
    held += 1;
    track(
      inTurn
        .run(channelId, async () => {
          if (await withRetries(what)) conversations.moveTo(channelId, messageId);
          else fallBehind(channelId, guildId, messageId);
        })
        .finally(() => {
          held -= 1;
        }),
    );
  };

  const fallBehind = (channelId: string, guildId: string | undefined, messageId: string): void => {
    options.metrics?.told("unread", "store", "put_off");
    conversations.hold({
      channelId,
      ...(guildId !== undefined && { guildId }),
      isOwned: isOwned(channelId),
      last: String(BigInt(messageId) - 1n),
    });
    readAgain(channelId, timings.firstCatchUpMs);
  };

  /** Reads what a room is behind until it is not; the first time after `waitMs`. */
  const readAgain = (channelId: string, waitMs: number): void => {
    conversations.pin(channelId);
    const known = behind.get(channelId);
    if (known) {
      known.again = true;
      return;
    }
    const state = { again: false };
    behind.set(channelId, state);
    // The first time at once, so that what comes now waits behind what was missed.
    const first = waitMs === 0 ? inTurn.run(channelId, () => readRoom(channelId)) : undefined;
    track(readUntilDone(channelId, state, first, waitMs));
  };

  const readUntilDone = async (
    channelId: string,
    state: { again: boolean },
    first: Promise<boolean> | undefined,
    firstWaitMs: number,
  ): Promise<void> => {
    let isDone = (await first) ?? false;
    let waitMs = firstWaitMs || timings.firstCatchUpMs;
    while ((!isDone || state.again) && !signal.aborted) {
      if (!isDone) await pause(waitMs, signal);
      if (signal.aborted) break;
      state.again = false;
      isDone = await inTurn.run(channelId, () => readRoom(channelId));
      waitMs = Math.min(timings.longestCatchUpMs, waitMs * 2);
    }
    behind.delete(channelId);
  };

  const readRoom = async (channelId: string): Promise<boolean> => {
    const known = conversations.get(channelId);
    if (!known) return true;
    const lane = String(readings++ % CATCH_UPS);
    try {
      const read = await reading.run(lane, () =>
        catchUp({
          ...{ rest, channelId, after: known.last, signal },
          take: (message) => consider(message, known.guildId),
        }),
      );
      if (read.kind === "done") {
        conversations.release(channelId, read.last);
        return true;
      }
      if (!signal.aborted)
        log.warn({ ...about, reason: read.reason }, "room not read; trying again");
    } catch (err) {
      log.warn({ ...about, err, room: channelId }, "missed message not taken in; trying again");
    }
    return false;
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
        inTurn.run(channelId, () =>
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
          await receive(deletion(message, { id, place, roles }, options.now()));
        }
        recent.delete(id);
      };
      track(
        inTurn.run(channelId, async () => {
          for (const id of ids) await withRetries(() => deleteOne(id));
        }),
      );
    },

    reacted: (data) => {
      const channelId = idIn(data, "channel_id");
      const reaction = readReaction(data, ourId());
      if (channelId === undefined || !reaction) return;
      const guildId = idIn(data, "guild_id");
      track(
        inTurn.run(channelId, () =>
          withRetries(async () => {
            const found = await placeOf(data, channelId, guildId);
            const place = { ...found, takesThreads: false };
            const roles = await rolesOf(data, guildId, reaction.userId);
            if (roles === "absent") return;
            await receive(feedback(reaction, { data, place, roles }, options.now()));
          }),
        ),
      );
    },

    fetchMissed: (isOurs) => {
      for (const { channelId } of conversations.all(isOurs)) readAgain(channelId, 0);
    },

    idle: async () => {
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
