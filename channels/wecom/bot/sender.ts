import type { OutboundPart, SendOutcome } from "../../../core/contract/channel.ts";
import type { Log } from "../../../core/contract/log.ts";
import type { ReplyTarget } from "../../../core/contract/message.ts";
import { fromBody, type Outgoing } from "../outgoing.ts";
import { CHANNEL } from "../types.ts";
import { isOver } from "./polls.ts";
import { inMarkdown, withMoreFollows } from "./render.ts";
import type { PostResponse } from "./response-url.ts";
import { streamIdOf } from "./stream-id.ts";
import type { Stream, StreamEnd, Streams } from "./streams.ts";

/** Another way to the person who is answered, of no use in groups. */
export interface Detour {
  /** Whether there is one. */
  reaches(target: ReplyTarget): boolean;
  /** Undefined where there is none. */
  send(
    part: OutboundPart,
    outgoing: Outgoing,
    signal: AbortSignal,
  ): Promise<SendOutcome | undefined>;
}

export interface BotSenderOptions {
  readonly streams: Streams;
  readonly post: PostResponse;
  readonly detour: Detour;
  readonly now: () => Date;
  readonly log: Log;
  /** How long the platform may be silent before its polls are not waited for any more. */
  readonly silenceMs: number;
}

// A bot cannot speak first. What is left waits for the person's next message, looked for this often.
const NEXT_MESSAGE_MS = 15_000;
const BUSY_MS = 5_000;
// Another replica may have been polled.
const LOOK_MS = 500;
// The response URL is good for one hour; what is posted must arrive within it.
// https://developer.work.weixin.qq.com/document/path/101138
const RESPONSE_URL_MS = 59 * 60_000;

/** What a part looks like on its way. */
interface Shown {
  readonly markdown: string;
  readonly card?: object;
  /** Only the person's next message brings what comes after it. */
  readonly hasMore: boolean;
}

/**
 * Sends the parts of answers by what can carry them, one each: the message's stream, its response
 * URL, the detour, and then the streams and URLs of the conversation's later messages. Never throws
 * but where the store does.
 */
export const createBotSender = (options: BotSenderOptions) => {
  const { streams, post, detour, now, log, silenceMs } = options;

  /** Waits until the platform has fetched the end of a stream; "lost" when it does not come for it. */
  const watch = async (
    id: string,
    partId: string,
    signal: AbortSignal,
  ): Promise<"shown" | "lost" | "stopped"> => {
    for (;;) {
      const end = (await streams.get(id))?.end;
      if (end?.how !== "part" || end.partId !== partId) return "lost";
      if (end.isShown) return "shown";
      const silentMs = now().getTime() - (end.offeredAt ?? end.endedAt);
      // Who was answered and does not ask again has got the answer, although nobody lived to note it.
      if (silentMs >= silenceMs) return end.offeredAt === undefined ? "lost" : "shown";
      if (signal.aborted) return "stopped";
      await streams.changed(id, Math.min(LOOK_MS, silenceMs), signal);
    }
  };

  /** The outcome of a part that the stream carries; undefined when it does not after all. */
  const byStream = async (
    id: string,
    part: OutboundPart,
    signal: AbortSignal,
  ): Promise<SendOutcome | undefined> => {
    const seen = await watch(id, part.id, signal);
    if (seen === "shown") return { kind: "delivered" };
    if (seen === "stopped") return retry(0, "stream: aborted before the platform's poll");
    const after = await streams.change(id, (stream) => {
      const { end } = stream;
      const isUnseen = end?.how === "part" && end.partId === part.id && !isOffered(end);
      return isUnseen ? { ...stream, content: "", end: { how: "elsewhere" } } : undefined;
    });
    // A poll may have come at the last moment.
    return after?.end?.how === "part" && after.end.partId === part.id
      ? byStream(id, part, signal)
      : undefined;
  };

  const claimStream = async (id: string, part: OutboundPart, shown: Shown): Promise<boolean> => {
    const { markdown, card } = shown;
    const end: StreamEnd = {
      how: "part",
      partId: part.id,
      endedAt: now().getTime(),
      isShown: false,
      ...(card && { card }),
    };
    const after = await streams.change(id, (stream) =>
      stream.end || isOver(stream, now()) ? undefined : { ...stream, content: markdown, end },
    );
    return after?.end?.how === "part" && after.end.partId === part.id;
  };

  const byResponseUrl = async (
    id: string,
    part: OutboundPart,
    shown: Shown,
    signal: AbortSignal,
  ): Promise<SendOutcome | undefined> => {
    let wasUnsure = false;
    const claimed = await streams.change(id, (stream) => {
      const { responsePart, responseUrl } = stream;
      if (!responseUrl || (responsePart && responsePart.id !== part.id)) return undefined;
      wasUnsure = responsePart?.isUnsure ?? false;
      // Until the outcome is known: a process may end in the middle.
      return { ...stream, responsePart: { id: part.id, isUnsure: true } };
    });
    if (!claimed?.responseUrl || claimed.responsePart?.id !== part.id) return undefined;
    const isTooLate = now().getTime() - claimed.startedAt > RESPONSE_URL_MS;
    const posted = isTooLate
      ? ({ kind: "useless", reason: "response_url: its hour is over" } as const)
      : await post(claimed.responseUrl, responseBody(shown), signal);
    if (posted.kind === "unsure") return { kind: "unknown", reason: posted.reason };
    if (posted.kind === "later") {
      if (!wasUnsure) {
        await streams.change(id, (stream) => ({
          ...stream,
          responsePart: { id: part.id, isUnsure: false },
        }));
      }
      return retry(BUSY_MS, posted.reason);
    }
    await streams.change(id, ({ responseUrl: _, ...used }) => used);
    if (posted.kind === "done") return { kind: "delivered" };
    // It takes one answer only: where an earlier try may have been that one, it was.
    if (wasUnsure && !isTooLate) return { kind: "delivered" };
    log.warn({ channel: CHANNEL, partId: part.id, reason: posted.reason }, "response URL useless");
    return undefined;
  };

  /** The part by one message's stream or URL; undefined when both are used up, or of no use. */
  const byMessage = async (
    id: string,
    stream: Stream,
    part: OutboundPart,
    shown: Shown,
    signal: AbortSignal,
  ): Promise<SendOutcome | undefined> => {
    const isClaimed = !stream.end && (await claimStream(id, part, shown));
    const carries = stream.end?.how === "part" && stream.end.partId === part.id;
    if (isClaimed || carries) {
      const outcome = await byStream(id, part, signal);
      if (outcome) return outcome;
    }
    return byResponseUrl(id, part, shown, signal);
  };

  return {
    send: async (part: OutboundPart, signal: AbortSignal): Promise<SendOutcome> => {
      if (signal.aborted) return retry(0, "aborted before it was sent");
      const outgoing = fromBody(part.body);
      const own = streamIdOf(part.target);
      const [message, ...later] = await streams.since(own);
      const isOwn = message?.[0] === own;
      if (
        isOwn &&
        message[1].end?.how === "never" &&
        !message[1].responseUrl &&
        !message[1].responsePart
      ) {
        return { kind: "refused", reason: "an event can be answered in its response only" };
      }
      if (outgoing.kind === "file") {
        const outcome = await detour.send(part, outgoing, signal);
        if (outcome) return outcome;
      }
      const shown = shownOf(outgoing, !detour.reaches(part.target));
      if (isOwn) {
        const outcome = await byMessage(...message, part, shown, signal);
        if (outcome) return outcome;
      }
      const outcome = await detour.send(part, outgoing, signal);
      if (outcome) return outcome;
      for (const [id, stream] of isOwn || !message ? later : [message, ...later]) {
        const found = await byMessage(id, stream, part, shown, signal);
        if (!found) continue;
        await streams.take(own);
        return found;
      }
      const { markdown, card } = shown;
      await streams.leave(own, { partId: part.id, markdown, ...(card && { card }) });
      return retry(NEXT_MESSAGE_MS, "a bot cannot speak first: waits for the next message");
    },
  };
};

const shownOf = (outgoing: Outgoing, isEnd: boolean): Shown => {
  switch (outgoing.kind) {
    case "text":
    case "markdown":
      return { markdown: inMarkdown(outgoing), hasMore: isEnd && outgoing.hasMore === true };
    case "card":
      return { markdown: "", card: outgoing.card, hasMore: false };
    case "file":
      // A bot with a webhook has nothing to upload files with.
      return { markdown: `📎 ${outgoing.name} ✗`, hasMore: false };
  }
};

/** Nothing comes after it by itself, so it says what brings the rest. */
const responseBody = ({ markdown, card, hasMore }: Shown): object =>
  card
    ? { msgtype: "template_card", template_card: card }
    : {
        msgtype: "markdown",
        markdown: { content: hasMore ? withMoreFollows(markdown) : markdown },
      };

const isOffered = (end: StreamEnd): boolean => end.how === "part" && end.offeredAt !== undefined;

const retry = (afterMs: number, reason: string): SendOutcome => ({
  kind: "retry",
  afterMs,
  reason,
});
