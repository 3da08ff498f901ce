import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import { isPayload, textIn } from "./payload.ts";
import type { Rest, RestOutcome } from "./rest.ts";
import { CODES, hasCode } from "./send-outcome.ts";
import { CHANNEL, type DiscordTarget } from "./target.ts";

/** The room that an answer goes to. */
export type Room =
  | { readonly kind: "room"; readonly channelId: string }
  /** For now it cannot be had; nothing was said. */
  | { readonly kind: "away"; readonly outcome: RestOutcome };

/** Starts the threads, and opens the direct chats, that are written to. */
export interface Rooms {
  /** The thread of the question, started where it is not there yet; else the room of the question, or the direct chat. Rejects when the store is away. */
  find(target: DiscordTarget, signal?: AbortSignal): Promise<Room>;
}

const REMEMBERED_MS = 25 * 60 * 60_000;
const MAX_NAME = 100;
// Minutes without a word after which it is put away; a new word brings it back.
const ARCHIVED_AFTER = 1440;
const UNNAMED = "…";

export const createRooms = (rest: Rest, state: ChannelState, log: Log): Rooms => {
  const starting = new Map<string, Promise<Room>>();

  const start = async (
    { channelId, threadOf }: DiscordTarget,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<Room> => {
    const inRoom: Room = { kind: "room", channelId };
    if (!threadOf) return inRoom;
    const { messageId, name } = threadOf;
    const inThread: Room = { kind: "room", channelId: messageId };
    const known = await state.get(key);
    if (known) return known.value === STARTED ? inThread : inRoom;
    const outcome = await rest.request(
      "POST",
      `/channels/${channelId}/messages/${messageId}/threads`,
      {
        body: { name: threadName(name), auto_archive_duration: ARCHIVED_AFTER },
        ...(signal && { signal }),
      },
    );
    if (outcome.kind === "ok" || hasCode(outcome, CODES.threadExists)) {
      await state.put(key, STARTED, REMEMBERED_MS);
      return inThread;
    }
    if (outcome.kind !== "failed") return { kind: "away", outcome };
    // It may not start threads here, or the question is gone: then it answers where it was asked.
    const { status, code } = outcome;
    log.warn({ channel: CHANNEL, status, code }, "no thread for an answer; it goes to its channel");
    await state.put(key, REFUSED, REMEMBERED_MS);
    return inRoom;
  };

  /**
   * Opening it again gives the same chat, so nothing is remembered.
   * @see https://discord.com/developers/docs/resources/user#create-dm
   */
  const openDirect = async (userId: string, signal?: AbortSignal): Promise<Room> => {
    const body = { recipient_id: userId };
    const options = { body, ...(signal && { signal }) };
    const outcome = await rest.request("POST", "/users/@me/channels", options);
    const channelId =
      outcome.kind === "ok" && isPayload(outcome.body) ? textIn(outcome.body, "id") : undefined;
    if (channelId !== undefined) return { kind: "room", channelId };
    return outcome.kind === "ok"
      ? { kind: "away", outcome: { kind: "lost", reason: "no direct chat was named" } }
      : { kind: "away", outcome };
  };

  return {
    find: (target, signal) => {
      if (target.isPerson) return openDirect(target.channelId, signal);
      if (!target.threadOf) return Promise.resolve({ kind: "room", channelId: target.channelId });
      const key = `thread/${target.channelId}/${target.threadOf.messageId}`;
      const running = starting.get(key);
      if (running) return running;
      const started = start(target, key, signal).finally(() => starting.delete(key));
      starting.set(key, started);
      return started;
    },
  };
};

const STARTED = "started";
const REFUSED = "refused";

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The first line of what was asked, without markup and mentions that would be shown as ids. */
const threadName = (text: string): string => {
  const line = text
    .replace(/<a?[@#:][^>\n]{0,64}>/g, "")
    .replace(/[\p{Cc}\p{Cs}*_~`|]+/gu, " ")
    .replace(/\s+/g, " ")
    .trim();
  let name = "";
  for (const { segment } of graphemes.segment(line.slice(0, 2 * MAX_NAME))) {
    if (name.length + segment.length > MAX_NAME - 1) return `${name}…`;
    name += segment;
  }
  return name === "" ? UNNAMED : name;
};
