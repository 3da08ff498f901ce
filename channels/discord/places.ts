import type { Place } from "./parse.ts";
import { idIn, isPayload, numberIn, objectIn, objectsIn, type Payload } from "./payload.ts";
import type { Rest } from "./rest.ts";

/** What is known of rooms and of the roles that are ours; learned from what Discord tells, else asked for. */
export interface Places {
  /** Takes what a dispatch says of guilds, rooms and roles. */
  learn(name: string, data: Payload): void;
  /** Our bot's own roles in a guild. */
  ourRoles(guildId: string | undefined): ReadonlySet<string>;
  /** Whether a thread is known to have been begun by us. */
  isOurThread(channelId: string): boolean;
  /** The room of a message; undefined when it cannot be told for now. */
  of(
    room: {
      readonly channelId: string;
      readonly guildId: string | undefined;
      readonly type?: number;
    },
    signal: AbortSignal,
  ): Promise<Omit<Place, "isOwned"> | undefined>;
}

export interface PlacesOptions {
  readonly rest: Rest;
  readonly ourId: () => string;
}

interface Room {
  readonly type: number | undefined;
  readonly parentId: string | undefined;
  readonly ownerId: string | undefined;
}

// https://discord.com/developers/docs/resources/channel#channel-object-channel-types

const THREADS = new Set([10, 11, 12]);
// Text and announcements.
const WITH_THREADS = new Set([0, 5]);
const MAX_ROOMS = 20_000;

export const createPlaces = ({ rest, ourId }: PlacesOptions): Places => {
  const rooms = new Map<string, Room>();
  const roles = new Map<string, Set<string>>();

  const note = (channel: Payload): void => {
    const id = idIn(channel, "id");
    if (id === undefined) return;
    const [oldest] = rooms.keys();
    if (rooms.size >= MAX_ROOMS && oldest !== undefined) rooms.delete(oldest);
    rooms.set(id, {
      type: numberIn(channel, "type"),
      parentId: idIn(channel, "parent_id"),
      ownerId: idIn(channel, "owner_id"),
    });
  };

  const noteRole = (guildId: string | undefined, role: Payload | undefined): void => {
    const id = idIn(role, "id");
    if (guildId === undefined || id === undefined) return;
    const ours = roles.get(guildId) ?? new Set();
    // https://discord.com/developers/docs/topics/permissions#role-object-role-tags-structure
    if (objectIn(role, "tags")?.bot_id === ourId()) roles.set(guildId, ours.add(id));
    else ours.delete(id);
  };

  const ask = async (channelId: string, signal: AbortSignal): Promise<Room | undefined> => {
    const outcome = await rest.request("GET", `/channels/${channelId}`, { signal });
    if (outcome.kind === "ok" && isPayload(outcome.body)) {
      note(outcome.body);
      return rooms.get(channelId);
    }
    // We heard something in it, so it is there: a room that we may not look at.
    return outcome.kind === "failed" && outcome.status < 500 ? UNKNOWN : undefined;
  };

  return {
    learn: (name, data) => {
      switch (name) {
        case "GUILD_CREATE":
          for (const room of objectsIn(data, "channels")) note(room);
          for (const thread of objectsIn(data, "threads")) note(thread);
          for (const role of objectsIn(data, "roles")) noteRole(idIn(data, "id"), role);
          return;
        case "CHANNEL_CREATE":
        case "CHANNEL_UPDATE":
        case "THREAD_CREATE":
        case "THREAD_UPDATE":
          note(data);
          return;
        case "THREAD_LIST_SYNC":
          for (const thread of objectsIn(data, "threads")) note(thread);
          return;
        case "GUILD_ROLE_CREATE":
        case "GUILD_ROLE_UPDATE":
          noteRole(idIn(data, "guild_id"), objectIn(data, "role"));
          return;
      }
    },

    ourRoles: (guildId) => (guildId === undefined ? undefined : roles.get(guildId)) ?? NONE,

    isOurThread: (channelId) => {
      const room = rooms.get(channelId);
      return room !== undefined && isThread(room) && room.ownerId === ourId();
    },

    of: async ({ channelId, guildId, type }, signal) => {
      if (guildId === undefined) {
        return { channelId, kind: "direct", takesThreads: false };
      }
      const known = rooms.get(channelId);
      const told = type === undefined || THREADS.has(type) ? undefined : { ...UNKNOWN, type };
      const room = known ?? told ?? (await ask(channelId, signal));
      if (!room) return undefined;
      const { parentId } = room;
      return isThread(room)
        ? {
            channelId,
            guildId,
            kind: "thread",
            takesThreads: false,
            ...(parentId !== undefined && { parentId }),
          }
        : {
            channelId,
            guildId,
            kind: "room",
            takesThreads: room.type === undefined || WITH_THREADS.has(room.type),
          };
    },
  };
};

const UNKNOWN: Room = { type: undefined, parentId: undefined, ownerId: undefined };
const NONE: ReadonlySet<string> = new Set();

const isThread = ({ type }: Room): boolean => type !== undefined && THREADS.has(type);
