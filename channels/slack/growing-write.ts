import type { Log } from "../../core/contract/log.ts";
import { type ApiOutcome, describe } from "./api-outcome.ts";
import { headOf, streamText } from "./head.ts";
import { textIn } from "./json.ts";
import { growingMetadata } from "./metadata.ts";
import { toMrkdwn } from "./mrkdwn.ts";
import type { OpenAnswer, OpenAnswers } from "./open-answers.ts";
import { kindOfError } from "./send-outcome.ts";
import { splitText } from "./split.ts";
import type { SlackTarget } from "./target.ts";
import { CHANNEL } from "./types.ts";

/** An answer that grows. */
export interface Growth {
  readonly target: SlackTarget;
  /** All that there is of it, Markdown. */
  latest: string;
  /** How much of it was shown last. */
  shown: string;
  /** The message that it grows in; undefined before it was begun. */
  answer: OpenAnswer | undefined;
  /** Nothing more is shown of it. */
  isEnded: boolean;
}

/** What came of one try to show more. */
export interface Step {
  readonly waitMs: number;
  readonly isShown: boolean;
}

/** Brings the message that an answer grows in up to what there is of it: one step at a time. */
export type Write = (growth: Growth) => Promise<Step>;

export interface GrowingWriteParts {
  readonly answers: OpenAnswers;
  /** No other process may be showing or sending the same answer. */
  readonly isAlone: boolean;
  /** Calls a method in the workspace of a target, with its token and within its limits. */
  readonly call: (target: SlackTarget, method: string, args: object) => Promise<ApiOutcome>;
  readonly now: () => Date;
  readonly log: Log;
}

/** Slack wants edits at most about once a second in a room. */
export const EVERY_MS = 1_000;
const NO_STREAMS_FOR_MS = 60 * 60_000;
const MAX_TEXT = 4_000;

const SHOWN: Step = { waitMs: EVERY_MS, isShown: true };
const AT_ONCE: Step = { waitMs: 0, isShown: false };

/** Streams where Slack lets us, else edits. What is returned rejects while the state is away. */
export const createGrowingWrite = (parts: GrowingWriteParts): Write => {
  const { answers, isAlone, call, now, log } = parts;
  // Workspaces that take no streams, and until when they are not asked again.
  const streamless = new Map<string, number>();

  const mayStream = ({ teamId, channelId, threadTs, userId }: SlackTarget): boolean =>
    threadTs !== undefined &&
    (userId !== undefined || channelId.startsWith("D")) &&
    (streamless.get(teamId) ?? 0) <= now().getTime();

  const begin = async (growth: Growth): Promise<Step> => {
    const { target } = growth;
    const at = now().getTime();
    if (!growth.answer) {
      if (!(await answers.begin(target, { at }))) return adopt(growth);
      growth.answer = { at };
    }
    const isStream = mayStream(target);
    const outcome = await (isStream ? startStream(growth) : post(growth));
    if (outcome.kind === "ok") {
      const ts = textIn(outcome.body, "ts");
      if (ts === undefined) return end(growth);
      growth.answer = { at, ts, ...(isStream && { isStream }) };
      await answers.put(target, growth.answer);
      return SHOWN;
    }
    if (outcome.kind === "limited" || outcome.kind === "unreachable") return notShown(outcome);
    // It may be there: whoever sends the answer looks for it.
    if (outcome.kind === "lost") return end(growth);
    const kind = kindOfError(outcome.error);
    if (kind === "passing") return end(growth);
    // What is wrong with one room, or with the token, says nothing of streams.
    if (isStream && kind !== "room" && kind !== "token") {
      streamless.set(target.teamId, at + NO_STREAMS_FOR_MS);
      log.info(
        { channel: CHANNEL, teamId: target.teamId, reason: describe(outcome) },
        "no streams in this workspace; answers grow by edits for the next hour",
      );
      return AT_ONCE;
    }
    growth.answer = undefined;
    await answers.forget(target);
    return end(growth);
  };

  /** Another process, or we before a restart, began it. */
  const adopt = async (growth: Growth): Promise<Step> => {
    const known = await answers.get(growth.target);
    if (known?.ts === undefined || known.part !== undefined) return end(growth);
    if (known.isStream) await stopStream(growth.target, known.ts);
    growth.answer = { at: known.at, ts: known.ts };
    return AT_ONCE;
  };

  const startStream = ({ target, latest }: Growth): Promise<ApiOutcome> =>
    call(target, "chat.startStream", {
      channel: target.channelId,
      thread_ts: target.threadTs,
      ...(target.userId !== undefined && {
        recipient_user_id: target.userId,
        recipient_team_id: target.teamId,
      }),
      markdown_text: streamText(latest),
    });

  const post = ({ target, latest }: Growth): Promise<ApiOutcome> =>
    call(target, "chat.postMessage", {
      channel: target.channelId,
      thread_ts: target.threadTs,
      text: editText(latest),
      parse: "none",
      unfurl_links: false,
      unfurl_media: false,
      metadata: growingMetadata(target.replyTo),
    });

  const stopStream = (target: SlackTarget, ts: string): Promise<ApiOutcome> =>
    call(target, "chat.stopStream", { channel: target.channelId, ts });

  const grow = async (growth: Growth, ts: string): Promise<Step> => {
    const { target, latest, shown, answer } = growth;
    const channel = target.channelId;
    const known = isAlone ? undefined : await answers.get(target);
    if (known?.takenAt !== undefined || known?.part !== undefined) return end(growth);
    if (answer?.isStream) {
      const [before, after] = [streamText(shown), streamText(latest)];
      if (after === before) return SHOWN;
      if (after.startsWith(before)) {
        const more = { channel, ts, markdown_text: after.slice(before.length) };
        const outcome = await call(target, "chat.appendStream", more);
        if (outcome.kind === "ok") return SHOWN;
        // What may have been appended must not come twice: the whole answer puts it right.
        if (outcome.kind === "lost") return end(growth);
        if (outcome.kind !== "error") return notShown(outcome);
      }
      // What was said has changed, or the stream has ended by itself: it goes on by edits.
      await stopStream(target, ts);
      growth.answer = { at: answer.at, ts };
      await answers.put(target, growth.answer);
    }
    const text = editText(latest);
    if (text === editText(shown)) return SHOWN;
    const edit = { channel, ts, text, blocks: [], parse: "none" };
    const outcome = await call(target, "chat.update", edit);
    if (outcome.kind === "ok") return SHOWN;
    return outcome.kind === "error" ? end(growth) : notShown(outcome);
  };

  const end = (growth: Growth): Step => {
    growth.isEnded = true;
    return AT_ONCE;
  };

  return (growth) => {
    const ts = growth.answer?.ts;
    return ts === undefined ? begin(growth) : grow(growth, ts);
  };
};

const notShown = (outcome: ApiOutcome): Step => ({
  waitMs: Math.max(EVERY_MS, outcome.kind === "limited" ? outcome.afterMs : 0),
  isShown: false,
});

const editText = (markdown: string): string =>
  splitText(toMrkdwn(headOf(markdown)), MAX_TEXT)[0] ?? "";
