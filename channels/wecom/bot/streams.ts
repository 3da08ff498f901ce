import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { ChannelMetrics } from "../../../core/contract/metrics.ts";
import { conversationOf } from "./stream-id.ts";

/**
 * What can still carry an answer to one message: its stream, which the platform polls for minutes,
 * and its response URL, which takes one answer within the hour. As it is stored.
 */
export interface Stream {
  /** When the message came, in ms since 1970. */
  readonly startedAt: number;
  /** Markdown: all there is of the answer. */
  readonly content: string;
  /** Nothing more comes by the stream; `how` says what it shows at last. */
  readonly end?: StreamEnd;
  /** Absent where the platform gave none, or when it is used up. A secret. */
  readonly responseUrl?: string;
  /** The part that went, or may have gone, to the response URL. */
  readonly responsePart?: { readonly id: string; readonly isUnsure: boolean };
}

export type StreamEnd =
  /** A part of the answer; `card` is shown with it. */
  | {
      readonly how: "part";
      readonly partId: string;
      readonly card?: object;
      readonly endedAt: number;
      /** When a poll was last answered with it. */
      readonly offeredAt?: number;
      /** A response that held it was written whole. */
      readonly isShown: boolean;
    }
  /** The answer comes another way. */
  | { readonly how: "elsewhere" }
  /** There is no answer. */
  | { readonly how: "silence" }
  /** The message is an event: there never was a stream. */
  | { readonly how: "never" };

/** A part of an earlier answer. */
export interface LeftPart {
  readonly partId: string;
  readonly markdown: string;
  readonly card?: object;
}

/** The streams of one bot, shared by all replicas. Methods reject when the store is away. */
export interface Streams {
  /** Does nothing where it is open already. */
  open(id: string, stream: Stream): Promise<void>;
  get(id: string): Promise<Stream | undefined>;
  /** As it is after the change; `change` says undefined to leave it. Undefined = there is none. */
  change(id: string, change: (stream: Stream) => Stream | undefined): Promise<Stream | undefined>;
  /** The stream and all later ones of its conversation, oldest first. */
  since(id: string): Promise<readonly (readonly [string, Stream])[]>;
  /** Keeps for a while what nothing can carry, for the next message of the stream's conversation. */
  leave(id: string, left: LeftPart): Promise<void>;
  /** What was left for the conversation, once: whoever takes it must show it. */
  take(id: string): Promise<LeftPart | undefined>;
  /** Resolves when this process changes it, after `ms`, or when `signal` aborts. */
  changed(id: string, ms: number, signal: AbortSignal): Promise<void>;
}

// Longer than the outbox waits between two tries, each of which leaves the part again.
const LEFT_MS = 6 * 60_000;
// The response URL is good for an hour; what is sent with it may have to be tried again.
const KEPT_MS = 70 * 60_000;

/** @param botId whose streams they are: a poll that another bot's keys sign finds none of them */
export const createStreams = (
  botId: string,
  state: ChannelState,
  now: () => Date,
  metrics?: ChannelMetrics,
): Streams => {
  const watchers = new Map<string, Set<() => void>>();
  const keyOf = (id: string): string => `bot-stream/${botId}/${id}`;
  const leftKeyOf = (id: string): string => `bot-left/${conversationOf(id)}`;
  const ttlOf = ({ startedAt }: Stream): number =>
    Math.max(1_000, startedAt + KEPT_MS - now().getTime());

  const get = async (id: string): Promise<Stream | undefined> => {
    const found = await state.get(keyOf(id));
    return found && (JSON.parse(found.value) as Stream);
  };

  return {
    get,

    open: async (id, stream) => {
      await state.putIfAbsent(keyOf(id), JSON.stringify(stream), ttlOf(stream));
    },

    change: async (id, change) => {
      for (;;) {
        const found = await state.get(keyOf(id));
        if (!found) return undefined;
        const stream = JSON.parse(found.value) as Stream;
        const changed = change(stream);
        if (!changed) return stream;
        const value = JSON.stringify(changed);
        // Another replica may have changed it meanwhile: then look again.
        if (!(await state.replace(keyOf(id), found.version, value, ttlOf(changed)))) continue;
        if (changed.end && !stream.end) metrics?.streamEnded(now().getTime() - stream.startedAt);
        for (const wake of watchers.get(id) ?? []) wake();
        return changed;
      }
    },

    since: async (id) => {
      const prefix = keyOf("");
      const keys = await state.keys(keyOf(conversationOf(id)));
      const found = await Promise.all(
        keys.map(async (key) => {
          const other = key.slice(prefix.length);
          const stream = await get(other);
          return stream ? ([[other, stream]] as const) : [];
        }),
      );
      const all = found.flat();
      const own = all.find(([other]) => other === id)?.[1];
      return all
        .filter(([, stream]) => stream.startedAt >= (own?.startedAt ?? 0))
        .sort(([a, one], [b, two]) =>
          a === id ? -1 : b === id ? 1 : one.startedAt - two.startedAt,
        );
    },

    leave: (id, left) => state.put(leftKeyOf(id), JSON.stringify(left), LEFT_MS),

    take: async (id) => {
      const found = await state.get(leftKeyOf(id));
      // Two messages may come at once, and one of them carries it.
      if (!found?.value || !(await state.replace(leftKeyOf(id), found.version, "", 1))) return;
      return JSON.parse(found.value) as LeftPart;
    },

    changed: (id, ms, signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", wake);
          const waiting = watchers.get(id);
          waiting?.delete(wake);
          if (waiting?.size === 0) watchers.delete(id);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        signal.addEventListener("abort", wake, { once: true });
        watchers.set(id, (watchers.get(id) ?? new Set()).add(wake));
        if (signal.aborted) wake();
      }),
  };
};
