import type { ChannelState } from "../../core/contract/channel-state.ts";
import { personKey } from "../../core/contract/state-key.ts";
import { isSlackId } from "./types.ts";

/** Where a person asks from: their chat with us, or one thread in it. */
export interface Viewpoint {
  readonly teamId: string;
  readonly userId: string;
  readonly channelId: string;
  readonly threadTs?: string | undefined;
}

/** Which room people have open beside their chat with us, as Slack told it last. */
export interface ViewedRooms {
  /** Undefined = none that may be told. Rejects when it cannot be remembered. */
  note(from: Viewpoint, roomId: string | undefined): Promise<void>;
  /** At once where it is known; rejects when it cannot be told. */
  from(viewpoint: Viewpoint): string | undefined | Promise<string | undefined>;
}

/** Slack tells of changes only while the chat is open; what is older says little. */
const KEPT_MS = 24 * 60 * 60_000;
const REMEMBERED = 20_000;

/** @param isAlone no other process is told of changes: what is known here need not be looked up */
export const createViewedRooms = (
  state: ChannelState,
  isAlone: boolean,
  now: () => Date,
): ViewedRooms => {
  // By key, the oldest first; with no room where none is remembered.
  const known = new Map<string, { readonly roomId: string | undefined; readonly until: number }>();

  const keep = (key: string, roomId: string | undefined): void => {
    known.delete(key);
    known.set(key, { roomId, until: now().getTime() + KEPT_MS });
    const [oldest] = known.keys();
    if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
  };

  const look = (key: string): string | undefined | Promise<string | undefined> => {
    const here = known.get(key);
    const isKnown = isAlone && here && here.until > now().getTime();
    return isKnown ? here.roomId : lookUp(key);
  };

  const lookUp = async (key: string): Promise<string | undefined> => {
    const value = (await state.get(key))?.value;
    const roomId = isSlackId(value) ? value : undefined;
    if (isAlone) keep(key, roomId);
    return roomId;
  };

  const fromThread = async (viewpoint: Viewpoint): Promise<string | undefined> =>
    (await look(keyOf(viewpoint))) ?? look(keyOf({ ...viewpoint, threadTs: undefined }));

  return {
    note: async (from, roomId) => {
      const key = keyOf(from);
      if (roomId === undefined) await state.forget(key);
      else await state.put(key, roomId, KEPT_MS);
      keep(key, roomId);
    },
    from: (viewpoint) =>
      viewpoint.threadTs === undefined ? look(keyOf(viewpoint)) : fromThread(viewpoint),
  };
};

/**
 * Older assistant apps have a context in each of their threads; with newer ones a person has one,
 * wherever in the chat they write.
 */
const keyOf = ({ teamId, userId, channelId, threadTs }: Viewpoint): string =>
  threadTs === undefined
    ? personKey(teamId, userId, "viewed")
    : `viewed/${teamId}/${channelId}/${threadTs}`;
