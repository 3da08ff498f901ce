import type { ChannelState } from "../../core/contract/channel-state.ts";
import type { Log } from "../../core/contract/log.ts";
import type { Attachment, InboundMessage } from "../../core/contract/message.ts";
import { personKey } from "../../core/contract/state-key.ts";
import { createDeadline } from "../deadline.ts";
import { type ApiOutcome, describe } from "./api-outcome.ts";
import { readAttachments } from "./attachments.ts";
import { objectsIn, textIn } from "./json.ts";
import { readTarget, type SlackTarget } from "./target.ts";
import { CHANNEL } from "./types.ts";

/**
 * Slack tells of a mention by two events, in any order, and only one of them, `message`, is sure to
 * say which files came with it. Whichever comes first is the message; this brings it the files.
 */
export interface Twins {
  /** Told before a mention is stored that names no files; the twin of one that was not new is not waited for. */
  expect(messageId: string): () => void;
  /** Told by a `message` what came with a mention that was stored before it. Rejects while the state is away. */
  tell(message: InboundMessage): Promise<void>;
  /** The mention with its files, as far as they can be told now. Never throws. */
  complete(message: InboundMessage, signal: AbortSignal): Promise<InboundMessage>;
}

export interface TwinsParts {
  readonly state: ChannelState;
  readonly call: (
    place: SlackTarget,
    method: string,
    args: object,
    signal: AbortSignal,
  ) => Promise<ApiOutcome>;
  readonly log: Log;
  /** How long after a mention its twin is waited for. Default 400 ms. */
  readonly waitMs?: number;
}

interface Expected {
  readonly until: number;
  files: readonly Attachment[] | undefined;
  wake: () => void;
}

// Both are told at once, by connections of their own.
const WAIT_MS = 400;
const ASK_MS = 2_000;
const KEPT_MS = 25 * 60 * 60_000;
const REMEMBERED = 5_000;
/** After so many mentions in a row without a twin, the app is not told what is said in the room; or in the workspace. */
const ALONE_IN_ROOM = 3;
const ALONE_IN_WORKSPACE = 10;

export const createTwins = ({ state, call, log, waitMs = WAIT_MS }: TwinsParts): Twins => {
  const expected = new Map<string, Expected>();
  // By room and by workspace, how many mentions in a row came without their twin.
  const alone = new Map<string, number>();

  const isAlone = (id: string): boolean =>
    (alone.get(roomOf(id)) ?? 0) >= ALONE_IN_ROOM ||
    (alone.get(workspaceOf(id)) ?? 0) >= ALONE_IN_WORKSPACE;

  /** Undefined when it was not told in time. */
  const toldOf = async (
    id: string,
    signal: AbortSignal,
  ): Promise<readonly Attachment[] | undefined> => {
    const twin = expected.get(id);
    if (!twin) return undefined;
    const leftMs = twin.until - performance.now();
    if (!twin.files && leftMs > 0 && !isAlone(id)) {
      const deadline = createDeadline(leftMs, signal);
      await new Promise<void>((resolve) => {
        twin.wake = resolve;
        deadline.signal.addEventListener("abort", () => resolve(), { once: true });
        if (deadline.signal.aborted) resolve();
      });
      deadline.clear();
    }
    expected.delete(id);
    return twin.files;
  };

  /** Undefined when Slack does not say it. */
  const ask = async (
    { id, target }: InboundMessage,
    signal: AbortSignal,
  ): Promise<readonly Attachment[] | undefined> => {
    const place = readTarget(target);
    const ts = id.split("/")[2];
    if (!place || ts === undefined) return undefined;
    const method = "conversations.replies";
    const span = { oldest: ts, latest: ts, inclusive: true, limit: 2 };
    const args = { channel: place.channelId, ts: place.threadTs ?? ts, ...span };
    const deadline = createDeadline(ASK_MS, signal);
    const outcome = await call(place, method, args, deadline.signal).finally(deadline.clear);
    if (outcome.kind === "ok") {
      const found = objectsIn(outcome.body, "messages").find((each) => textIn(each, "ts") === ts);
      return found && readAttachments(found);
    }
    const about = { channel: CHANNEL, teamId: place.teamId, reason: describe(outcome) };
    log.warn(about, "whether files came with a mention cannot be told; it is answered without");
    return undefined;
  };

  const filesOf = async (
    message: InboundMessage,
    text: string,
    signal: AbortSignal,
  ): Promise<readonly Attachment[]> => {
    const { id } = message;
    const told = await toldOf(id, signal);
    if (told) return told;
    // Told to another process, or to us before a restart.
    const kept = await state.get(keyOf(message));
    if (kept) return JSON.parse(kept.value) as readonly Attachment[];
    // Nobody calls without a word and without a file.
    if (isAlone(id) && text.trim() !== "") return [];
    const asked = (await ask(message, signal)) ?? [];
    // Where Slack does not say it either: the next ones must not wait for what never comes.
    if (asked.length === 0) {
      for (const place of [roomOf(id), workspaceOf(id)]) {
        remember(alone, place, (alone.get(place) ?? 0) + 1);
      }
    }
    return asked;
  };

  return {
    expect: (id) => {
      if (expected.has(id)) return () => {};
      const until = performance.now() + waitMs;
      remember(expected, id, { until, files: undefined, wake: () => {} });
      return () => void expected.delete(id);
    },

    tell: async (message) => {
      const { id, content } = message;
      const files = content.kind === "text" ? (content.attachments ?? []) : [];
      for (const place of [roomOf(id), workspaceOf(id)]) alone.delete(place);
      const twin = expected.get(id);
      if (twin) {
        twin.files = files;
        twin.wake();
      }
      // Before it is acknowledged: the turn may come after a restart.
      if (files.length > 0) await state.put(keyOf(message), JSON.stringify(files), KEPT_MS);
    },

    complete: async (message, signal) => {
      const { content } = message;
      if (content.kind !== "text" || !content.isPartial) return message;
      const { isPartial: _, ...told } = content;
      let files: readonly Attachment[] = [];
      try {
        files = await filesOf(message, content.text, signal);
      } catch (err) {
        log.warn({ channel: CHANNEL, err }, "the files of a mention cannot be looked up");
      }
      return {
        ...message,
        content: { ...told, ...(files.length > 0 && { attachments: files }) },
      };
    },
  };
};

/** With the person in it, whose they are. */
const keyOf = ({ id, workspaceId, sender }: InboundMessage): string =>
  personKey(workspaceId, sender.id, "files", id);

const roomOf = (id: string): string => id.split("/", 2).join("/");

const workspaceOf = (id: string): string => id.split("/", 1).join();

const remember = <Value>(map: Map<string, Value>, key: string, value: Value): void => {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest);
};
