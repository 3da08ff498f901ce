import type { Locale } from "../../core/contract/model.ts";
import { createWorking } from "../working.ts";
import type { RoomCalls } from "./room-calls.ts";
import { kindOfError } from "./send-outcome.ts";
import type { SlackTarget } from "./target.ts";

/** Says in a thread that an answer is being made. */
export interface Status {
  begin(target: SlackTarget, locale: Locale): void;
  /**
   * Says, once no such call is on its way, whether one was made: what is posted then takes the line
   * away.
   */
  end(target: SlackTarget): boolean | Promise<boolean>;
  /** The same where nothing will be posted. */
  withdraw(target: SlackTarget): Promise<void>;
  stop(): void;
}

export interface StatusParts {
  readonly rooms: RoomCalls;
  readonly now: () => Date;
}

// Slack takes the line away after two minutes.
const EVERY_MS = 90_000;
/** An answer must not wait longer for the line that says that it is coming. */
const CALL_MS = 2_000;
const UNABLE_FOR_MS = 60 * 60_000;

// Slack puts the app's name before it.
const WORDS: Readonly<Record<Locale, string>> = {
  en: "is thinking…",
  "zh-Hant": "正在思考…",
  "zh-Hans": "正在思考…",
};

/** @see https://docs.slack.dev/reference/methods/assistant.threads.setStatus */
export const createStatus = ({ rooms, now }: StatusParts): Status => {
  // Workspaces where Slack does not take it, and until when they are not asked again.
  const unable = new Map<string, number>();

  const set = async (target: SlackTarget, status: string): Promise<boolean> => {
    const { teamId, channelId, threadTs } = target;
    if ((unable.get(teamId) ?? 0) > now().getTime()) return false;
    const outcome = await rooms.call(
      target,
      "assistant.threads.setStatus",
      { channel_id: channelId, thread_ts: threadTs, status },
      AbortSignal.timeout(CALL_MS),
    );
    if (outcome.kind !== "error") return true;
    // What is wrong with one room says nothing of the others.
    if (kindOfError(outcome.error) !== "room") {
      unable.set(teamId, now().getTime() + UNABLE_FOR_MS);
    }
    return false;
  };

  const working = createWorking<{ readonly target: SlackTarget; readonly locale: Locale }>({
    show: ({ target, locale }) => set(target, WORDS[locale]),
    everyMs: EVERY_MS,
  });

  return {
    begin: (target, locale) => {
      // Only threads have the line; what goes by a response URL, or in place of a card, stands in none.
      if (target.threadTs === undefined || target.responseUrl !== undefined) return;
      if (target.cardTs === undefined) working.begin(keyOf(target), { target, locale });
    },
    end: (target) => working.end(keyOf(target)),
    withdraw: async (target) => {
      if (await working.end(keyOf(target))) await set(target, "");
    },
    stop: working.stop,
  };
};

const keyOf = ({ teamId, channelId, replyTo }: SlackTarget): string =>
  `${teamId}/${channelId}/${replyTo}`;
