import type { Log } from "../../../core/contract/log.ts";
import { isStreamId } from "./stream-id.ts";
import type { Stream, Streams } from "./streams.ts";
import { CONTINUES, NOTHING_LEFT, STOPPED } from "./words.ts";

/** One answer to the question what there is of a stream. */
export interface Frame {
  readonly answer: object;
  /** Called once: true when the whole response was handed to the network. */
  settled(isComplete: boolean): void;
}

/**
 * What a message or a poll is told of its stream; only a message's answer may bear a `feedbackId`.
 * Rejects when the store is away.
 */
export type AnswerPoll = (id: string, feedbackId?: string) => Promise<Frame>;

// The platform stops asking 6 minutes after the message, whether the stream is finished or not.
// https://developer.work.weixin.qq.com/document/path/101031
const CLOSE_AFTER_MS = 5.5 * 60_000;

/** Whether its stream can no longer bring an answer. */
export const isOver = (stream: Stream, now: Date): boolean =>
  now.getTime() - stream.startedAt >= CLOSE_AFTER_MS;

export const createAnswerPoll = (streams: Streams, now: () => Date, log: Log): AnswerPoll => {
  /** What the one who sends the answer must know before anybody sees it. */
  const note = (stream: Stream): Stream | undefined => {
    const { end } = stream;
    if (!end) return isOver(stream, now()) ? { ...stream, end: { how: "elsewhere" } } : undefined;
    if (end.how !== "part" || end.isShown) return undefined;
    return { ...stream, end: { ...end, offeredAt: now().getTime() } };
  };

  const settled = (id: string, partId: string, isComplete: boolean): void => {
    streams
      .change(id, (stream) => {
        const { end } = stream;
        if (end?.how !== "part" || end.partId !== partId || end.isShown) return undefined;
        if (isComplete) return { ...stream, end: { ...end, isShown: true } };
        const { offeredAt: _, ...unseen } = end;
        return { ...stream, end: unseen };
      })
      .catch((err) => log.error({ err }, "whether a poll was answered is not recorded"));
  };

  return async (id, feedbackId) => {
    const stream = isStreamId(id) ? await streams.get(id) : undefined;
    // A poll of a growing answer costs one read and no write.
    const known = stream && note(stream) ? await streams.change(id, note) : stream;
    // Without an end the person would wait for ever.
    if (!known) return { answer: streamAnswer(id, NOTHING_LEFT, {}), settled: () => {} };
    const { content, end } = known;
    if (!end) {
      const growing = { isFinished: false, ...(feedbackId !== undefined && { feedbackId }) };
      return { answer: streamAnswer(id, content, growing), settled: () => {} };
    }
    if (end.how === "part") {
      return {
        answer: streamAnswer(id, content, end.card ? { card: end.card } : {}),
        settled: (isComplete) => settled(id, end.partId, isComplete),
      };
    }
    const last = end.how === "silence" ? STOPPED : CONTINUES;
    const whole = content === "" ? last : `${content}\n\n${last}`;
    return { answer: streamAnswer(id, whole, {}), settled: () => {} };
  };
};

/**
 * A frame of a stream, finished unless it says otherwise.
 * @see https://developer.work.weixin.qq.com/document/path/101031
 */
export const streamAnswer = (
  id: string,
  content: string,
  options: {
    readonly isFinished?: boolean;
    readonly card?: object;
    /** In the first frame only: lets people say how good the answer is. */
    readonly feedbackId?: string;
  },
): object => {
  const { isFinished = true, card, feedbackId } = options;
  const feedback = feedbackId === undefined ? {} : { feedback: { id: feedbackId } };
  const stream = { id, finish: isFinished, content, ...feedback };
  return card
    ? { msgtype: "stream_with_template_card", stream, template_card: card }
    : { msgtype: "stream", stream };
};
