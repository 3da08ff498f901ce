import type { Log } from "../../core/contract/log.ts";
import type { ReplyTarget } from "../../core/contract/message.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import type { Deferrals } from "./deferrals.ts";
import { MAX_CONTENT } from "./limits.ts";
import { toDiscordMarkdown } from "./markdown.ts";
import { textBody } from "./message-body.ts";
import { postBody } from "./post-body.ts";
import type { Rest } from "./rest.ts";
import type { Rooms } from "./rooms.ts";
import { createdId, nonceOfUnfinished } from "./sending.ts";
import type { ShownMessages } from "./shown.ts";
import { splitText } from "./split.ts";
import { CHANNEL, type DiscordTarget, originalRoute, readTarget } from "./target.ts";

/** Shows what there is of answers in the messages that the answers will be. */
export interface Progress {
  /** Replaces what was shown. Never throws. */
  show(target: ReplyTarget, markdown: string): void;
  /** Resolves when nothing unfinished is on its way any more; the answer may be written then. */
  end(target: ReplyTarget): Promise<void>;
  stop(): void;
}

export interface ProgressParts {
  readonly rest: Rest;
  readonly rooms: Rooms;
  readonly shown: ShownMessages;
  readonly deferrals: Deferrals;
  readonly now: () => Date;
  readonly log: Log;
  /** From one edit to the next. Default: 1.2 s. */
  readonly everyMs?: number;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

// Five edits in five seconds are allowed, and the answer needs one of them.
// https://discord.com/developers/docs/topics/rate-limits
const EVERY_MS = 1_200;
// The platform shows it for ten seconds.
const TYPING_MS = 8_000;

// What nothing was said of for so long has ended in another process.
const FORGOTTEN_MS = 10 * 60_000;

interface Growing {
  readonly target: DiscordTarget;
  readonly stopped: AbortController;
  isBusy: boolean;
  latest: string | undefined;
  written: string | undefined;
  readonly begunAt: number;
  typedAt: number;
  shownAt: number;
  /** Runs while it is too early for the next edit. */
  timer: NodeJS.Timeout | undefined;
  writing: Promise<void>;
}

export const createProgress = (parts: ProgressParts): Progress => {
  const { rest, rooms, shown, deferrals, now, log, metrics, everyMs = EVERY_MS } = parts;
  const growing = new Map<string, Growing>();

  const type = (one: Growing, channelId: string): void => {
    if (now().getTime() - one.typedAt < TYPING_MS) return;
    one.typedAt = now().getTime();
    void rest.request("POST", `/channels/${channelId}/typing`, {
      signal: one.stopped.signal,
      isOptional: true,
    });
  };

  /** False when there is nothing more to be shown. */
  const writeToRoom = async (one: Growing, content: string): Promise<boolean> => {
    const { target } = one;
    // Not ended with us: the answer may be waiting for the same thread.
    const place = await rooms.find(target);
    if (place.kind === "away") return true;
    type(one, place.channelId);
    const nonce = nonceOfUnfinished(target);
    const message = await shown.begin(target, nonce);
    if (!message) return false;
    if (message.messageId !== undefined) {
      const route = `/channels/${place.channelId}/messages/${message.messageId}`;
      const edited = await rest.request("PATCH", route, { ...textBody(content), isOptional: true });
      return edited.kind !== "failed" && edited.kind !== "unauthorized";
    }
    const { channelId } = place;
    const posted = await rest.request("POST", `/channels/${channelId}/messages`, {
      body: postBody(textBody(content).body, { target, channelId }, nonce, true),
    });
    if (posted.kind !== "ok") return posted.kind === "limited" || posted.kind === "lost";
    const id = createdId(posted);
    return id !== undefined && shown.posted(target, id);
  };

  const writeToInteraction = async (one: Growing, content: string): Promise<boolean> => {
    const { interaction, replyTo } = one.target;
    if (interaction?.deferred !== "message" || interaction.expiresAt <= now()) return false;
    await deferrals.settled(replyTo);
    if ((await shown.begin(one.target, nonceOfUnfinished(one.target))) === undefined) return false;
    const edited = await rest.request("PATCH", originalRoute(interaction), {
      ...textBody(content),
      auth: false,
    });
    return edited.kind !== "failed";
  };

  const write = async (one: Growing, markdown: string): Promise<boolean> => {
    // Only what fits into one message grows before people's eyes.
    const content = splitText(toDiscordMarkdown(markdown), MAX_CONTENT)[0] ?? "";
    if (content.trim() === "" || content === one.written) return true;
    const isGoingOn = one.target.interaction
      ? await writeToInteraction(one, content)
      : await writeToRoom(one, content);
    one.written = content;
    return isGoingOn;
  };

  /** Writes what is the latest, and again after a while if there is something newer then. */
  const next = (one: Growing): void => {
    const markdown = one.latest;
    one.timer = undefined;
    one.isBusy = markdown !== undefined;
    if (markdown === undefined) return;
    one.latest = undefined;
    one.writing = write(one, markdown)
      .catch((err) => {
        log.warn({ channel: CHANNEL, err }, "growing answer not written");
        return true;
      })
      .then((isGoingOn) => {
        if (!isGoingOn) one.stopped.abort();
        if (one.stopped.signal.aborted) return;
        one.timer = setTimeout(() => next(one), everyMs);
        one.timer.unref();
      });
  };

  const sweep = (): void => {
    for (const [key, one] of growing) {
      if (now().getTime() - one.shownAt > FORGOTTEN_MS) growing.delete(key);
    }
  };

  const end = (one: Growing): Promise<void> => {
    one.stopped.abort();
    clearTimeout(one.timer);
    one.latest = undefined;
    return one.writing;
  };

  return {
    show: (target, markdown) => {
      const key = keyOf(target);
      const one = growing.get(key) ?? newGrowing(target, now());
      if (one.stopped.signal.aborted) return;
      if (!growing.has(key)) sweep();
      growing.set(key, one);
      one.latest = markdown;
      one.shownAt = now().getTime();
      if (!one.isBusy) next(one);
    },
    end: async (target) => {
      const one = growing.get(keyOf(target));
      if (!one) return;
      await end(one);
      growing.delete(keyOf(target));
      if (one.written !== undefined) metrics?.streamEnded(now().getTime() - one.begunAt);
    },
    stop: () => {
      for (const one of growing.values()) void end(one);
      growing.clear();
    },
  };
};

const newGrowing = (target: ReplyTarget, begun: Date): Growing => ({
  target: readTarget(target),
  stopped: new AbortController(),
  isBusy: false,
  latest: undefined,
  written: undefined,
  begunAt: begun.getTime(),
  typedAt: 0,
  shownAt: 0,
  timer: undefined,
  writing: Promise.resolve(),
});

const keyOf = ({ address, replyTo }: ReplyTarget): string => `${address}/${replyTo}`;
