import type { Suggestion } from "../../core/contract/channel.ts";
import type { Log } from "../../core/contract/log.ts";
import { describe } from "./api-outcome.ts";
import type { RoomCalls } from "./room-calls.ts";
import type { SlackTarget } from "./target.ts";
import { CHANNEL } from "./types.ts";

/** The prompts that Slack shows where somebody opens the chat with us. */
export interface Prompts {
  /** Replaces those that were there. Never rejects. */
  suggest(target: SlackTarget, suggestions: readonly Suggestion[]): Promise<void>;
}

export interface PromptsParts {
  readonly rooms: RoomCalls;
  readonly log: Log;
}

/** @see https://docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts */
const MAX_PROMPTS = 4;
const CALL_MS = 5_000;

export const createPrompts = ({ rooms, log }: PromptsParts): Prompts => ({
  suggest: async (target, suggestions) => {
    const { teamId, channelId, threadTs } = target;
    if (!channelId.startsWith("D") || suggestions.length === 0) return;
    const outcome = await rooms.call(
      target,
      "assistant.threads.setSuggestedPrompts",
      {
        channel_id: channelId,
        // Only the older assistant chats lie in threads; where there is none, none may be named.
        thread_ts: threadTs,
        prompts: suggestions
          .slice(0, MAX_PROMPTS)
          .map(({ title, text }) => ({ title, message: text })),
      },
      AbortSignal.timeout(CALL_MS),
    );
    if (outcome.kind === "ok") return;
    log.info({ channel: CHANNEL, teamId, reason: describe(outcome) }, "no prompts are suggested");
  },
});
