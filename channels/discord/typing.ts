import type { ReplyTarget } from "../../core/contract/message.ts";
import { createWorking } from "../working.ts";
import type { Rest } from "./rest.ts";
import { readTarget } from "./target.ts";

/** Shows in the room of a question that the bot is typing. */
export interface Typing {
  begin(target: ReplyTarget): void;
  /**
   * Says, once no such call is on its way, whether one was made: it would go on for seconds beside the
   * answer.
   */
  end(target: ReplyTarget): boolean | Promise<boolean>;
  stop(): void;
}

// The platform shows it for ten seconds.
// https://discord.com/developers/docs/resources/channel#trigger-typing-indicator
const EVERY_MS = 8_000;
/** An answer must not wait longer for it. */
const CALL_MS = 2_000;

export const createTyping = (rest: Rest): Typing => {
  const working = createWorking<string>({
    show: async (channelId) => {
      const signal = AbortSignal.timeout(CALL_MS);
      const { kind } = await rest.request("POST", `/channels/${channelId}/typing`, {
        signal,
        isOptional: true,
      });
      return kind !== "failed" && kind !== "unauthorized";
    },
    everyMs: EVERY_MS,
  });

  return {
    begin: (target) => {
      const { channelId, interaction } = readTarget(target);
      // An interaction that was deferred says it by itself.
      if (!interaction) working.begin(keyOf(target), channelId);
    },
    end: (target) => working.end(keyOf(target)),
    stop: working.stop,
  };
};

const keyOf = ({ address, replyTo }: ReplyTarget): string => `${address}/${replyTo}`;
