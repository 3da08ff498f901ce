import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import { isAfter, isPayload, textIn, timeOf } from "./payload.ts";
import { CHANNEL } from "./target.ts";

/** A room in which somebody has talked to us: what is missed there is fetched. */
export interface Known {
  readonly channelId: string;
  /** Absent in direct chats. */
  readonly guildId?: string;
  /** A thread that an answer of ours begins: all that is said in it is meant for us. */
  readonly isOwned: boolean;
  /** Everything up to this message is stored, or was not meant for us. */
  readonly last: string;
}

/**
 * The rooms of the shards that this replica holds, and how far each was read. A room is remembered
 * before its first message is; after that its position is written now and then only, because a
 * position that lags behind costs a second look at messages whose ids are known, and nothing else.
 */
export interface Conversations {
  /** Reads what was remembered of the guilds for which `isOurs` says true; undefined = direct chats. */
  load(isOurs: (guildId: string | undefined) => boolean): Promise<void>;
  get(channelId: string): Known | undefined;
  /** Those of `load`, the one that was last spoken in first. */
  all(isOurs: (guildId: string | undefined) => boolean): readonly Known[];
  /** Remembers a room before anything in it is taken. Rejects when the store is away. */
  open(known: Known): Promise<void>;
  /** The same without waiting for it to be written. */
  hold(known: Known): void;
  /** Moves the position forward, unless it is pinned. */
  moveTo(channelId: string, messageId: string): void;
  /** Keeps the position where it is, because something behind it may be missing. */
  pin(channelId: string): void;
  /** Lets the position go, from `messageId` on. */
  release(channelId: string, messageId: string): void;
  forget(channelId: string): Promise<void>;
  /** Writes the positions that have moved. Never rejects. */
  flush(): Promise<void>;
}

const PREFIX = "seen/";
const REMEMBERED_MS = 30 * 24 * 60 * 60_000;
const READ_AT_ONCE = 20;
const SWEEP_MS = 60 * 60_000;

export const createConversations = (
  state: ChannelState,
  log: Log,
  now: () => Date,
): Conversations => {
  const rooms = new Map<string, Known>();
  const moved = new Set<string>();
  const pinned = new Set<string>();
  // Rooms of which nothing is written yet.
  const unwritten = new Set<string>();
  let flushing: Promise<void> = Promise.resolve();
  let sweptAt = now().getTime();

  const write = (known: Known) =>
    state.put(
      keyOf(known),
      JSON.stringify({ last: known.last, isOwned: known.isOwned }),
      REMEMBERED_MS,
    );

  const read = async (key: string): Promise<void> => {
    const [, guild, channelId = ""] = key.split("/");
    const found = await state.get(key);
    if (!found || rooms.has(channelId)) return;
    const value: unknown = JSON.parse(found.value);
    const last = isPayload(value) ? textIn(value, "last") : undefined;
    if (!isPayload(value) || last === undefined) return;
    rooms.set(channelId, {
      channelId,
      last,
      isOwned: value.isOwned === true,
      ...(guild !== undefined && guild !== DIRECT && { guildId: guild }),
    });
  };

  const move = (channelId: string, messageId: string): void => {
    const known = rooms.get(channelId);
    if (!known || !isAfter(messageId, known.last)) return;
    rooms.set(channelId, { ...known, last: messageId });
    moved.add(channelId);
  };

  /** False where nothing is new about it. */
  const note = (known: Known): boolean => {
    const before = rooms.get(known.channelId);
    if (before && (before.isOwned || !known.isOwned)) return false;
    rooms.set(known.channelId, { ...known, last: before?.last ?? known.last });
    return true;
  };

  /** What the store has forgotten is not kept here either: every answer may begin a thread. */
  const sweep = (): void => {
    const time = now().getTime();
    if (time - sweptAt < SWEEP_MS) return;
    sweptAt = time;
    for (const [channelId, { last }] of rooms) {
      const isOld = timeOf(last).getTime() < time - REMEMBERED_MS;
      if (isOld && !moved.has(channelId) && !pinned.has(channelId)) rooms.delete(channelId);
    }
  };

  const flush = async (): Promise<void> => {
    sweep();
    for (const channelId of [...moved]) {
      moved.delete(channelId);
      const known = rooms.get(channelId);
      if (!known) continue;
      try {
        await write(known);
      } catch (err) {
        moved.add(channelId);
        log.warn({ channel: CHANNEL, err }, "positions not written; trying again");
        return;
      }
    }
  };

  return {
    load: async (isOurs) => {
      // Another replica may have read on meanwhile.
      for (const { channelId, guildId } of [...rooms.values()]) {
        if (isOurs(guildId) && !moved.has(channelId)) rooms.delete(channelId);
      }
      const keys = (await state.keys(PREFIX)).filter((key) => isOurs(guildOf(key)));
      for (let at = 0; at < keys.length; at += READ_AT_ONCE) {
        await Promise.all(keys.slice(at, at + READ_AT_ONCE).map(read));
      }
    },
    get: (channelId) => rooms.get(channelId),
    all: (isOurs) =>
      [...rooms.values()]
        .filter(({ guildId }) => isOurs(guildId))
        .sort((one, other) => (isAfter(one.last, other.last) ? -1 : 1)),
    open: async (known) => {
      const { channelId } = known;
      if (!note(known) && !unwritten.has(channelId)) return;
      unwritten.add(channelId);
      await write(rooms.get(channelId) ?? known);
      unwritten.delete(channelId);
    },
    hold: (known) => {
      if (note(known)) moved.add(known.channelId);
    },
    moveTo: (channelId, messageId) => {
      if (!pinned.has(channelId)) move(channelId, messageId);
    },
    pin: (channelId) => void pinned.add(channelId),
    release: (channelId, messageId) => {
      pinned.delete(channelId);
      move(channelId, messageId);
    },
    forget: async (channelId) => {
      const known = rooms.get(channelId);
      rooms.delete(channelId);
      moved.delete(channelId);
      pinned.delete(channelId);
      if (known) await state.forget(keyOf(known));
    },
    flush: () => {
      // One after the other, so that an older position never overtakes a newer one.
      flushing = flushing.then(flush);
      return flushing;
    },
  };
};

const DIRECT = "@";

const keyOf = ({ channelId, guildId }: Known): string =>
  `${PREFIX}${guildId ?? DIRECT}/${channelId}`;

const guildOf = (key: string): string | undefined => {
  const guild = key.split("/")[1];
  return guild === DIRECT ? undefined : guild;
};
