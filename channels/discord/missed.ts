import type { Behind } from "./behind.ts";
import type { Conversations, Known } from "./conversations.ts";
import { idIn, isAfter, objectsIn, type Payload } from "./payload.ts";

/**
 * Which of the known rooms may hold something that nobody heard. A new session does not replay what
 * happened before it, but each guild tells the last message of its rooms and open threads; only where
 * that is not the last one that we know is there anything to read.
 */
export interface Missed {
  /** A new session is there: its own data, and whose rooms it tells of. */
  begin(ready: Payload, isOurs: (guildId: string | undefined) => boolean): void;
  /** A guild tells its rooms. */
  guildTold(guild: Payload): void;
  /** Something happens in a room: what may be missing there comes before it. */
  heard(channelId: string, guildId: string | undefined): void;
  stop(): void;
}

export interface MissedOptions {
  readonly conversations: Pick<Conversations, "all" | "get">;
  readonly behind: Pick<Behind, "read" | "hasten">;
  /** How long guilds that do not tell their rooms are waited for. */
  readonly guildsMs: number;
}

export const createMissed = ({ conversations, behind, guildsMs }: MissedOptions): Missed => {
  // Rooms of guilds that have not told theirs yet, the one that was last spoken in first.
  const undecided = new Map<string, Set<string>>();
  const timers = new Set<NodeJS.Timeout>();

  const decide = (known: Known, told: LastMessages): void => {
    const { channelId } = known;
    if (!told.has(channelId)) {
      // A thread that was put away since, or a room that is gone.
      behind.read(channelId, "unlikely");
      return;
    }
    const last = told.get(channelId);
    if (last === undefined) behind.read(channelId, "possible");
    else if (last !== null && isAfter(last, known.last)) behind.read(channelId, "certain");
  };

  const settle = (guildId: string, told: LastMessages): void => {
    const rooms = undecided.get(guildId) ?? [];
    undecided.delete(guildId);
    for (const channelId of rooms) {
      const known = conversations.get(channelId);
      if (known) decide(known, told);
    }
  };

  const later = (isOurs: (guildId: string | undefined) => boolean): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      for (const guildId of [...undecided.keys()]) if (isOurs(guildId)) settle(guildId, NOTHING);
    }, guildsMs);
    timer.unref();
    timers.add(timer);
  };

  return {
    begin: (ready, isOurs) => {
      const told = lastMessagesOf(objectsIn(ready, "private_channels"));
      for (const known of conversations.all(isOurs)) {
        const { channelId, guildId } = known;
        if (guildId !== undefined) {
          undecided.set(guildId, (undecided.get(guildId) ?? new Set()).add(channelId));
        } else if (told.has(channelId)) decide(known, told);
        // Bots are not told of their direct chats.
        else behind.read(channelId, "possible");
      }
      later(isOurs);
    },

    guildTold: (guild) => {
      const guildId = idIn(guild, "id");
      // While there is an outage it has no rooms to tell.
      if (guildId === undefined || guild.unavailable === true || !undecided.has(guildId)) return;
      const rooms = [...objectsIn(guild, "channels"), ...objectsIn(guild, "threads")];
      settle(guildId, lastMessagesOf(rooms));
    },

    heard: (channelId, guildId) => {
      const rooms = guildId === undefined ? undefined : undecided.get(guildId);
      if (rooms?.delete(channelId)) behind.read(channelId, "certain");
      behind.hasten(channelId);
    },

    stop: () => {
      for (const timer of timers) clearTimeout(timer);
    },
  };
};

/** By room; null = nothing was ever said there, undefined = it is not told. */
type LastMessages = ReadonlyMap<string, string | null | undefined>;

const NOTHING: LastMessages = new Map();

/** @see https://discord.com/developers/docs/resources/channel#channel-object */
const lastMessagesOf = (rooms: readonly Payload[]): LastMessages =>
  new Map(
    rooms.flatMap((room) => {
      const id = idIn(room, "id");
      const last = room.last_message_id === null ? null : idIn(room, "last_message_id");
      return id === undefined ? [] : [[id, last]];
    }),
  );
