import { createDeferrals, type Deferrals } from "../../../channels/discord/deferrals.ts";
import { createRest, type Rest } from "../../../channels/discord/rest.ts";
import { createDiscordSender, type DiscordSender } from "../../../channels/discord/sender.ts";
import type { Reconciliation, SendOutcome } from "../../../core/contract/channel.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { ReplyTarget } from "../../../core/contract/message.ts";
import type { Answer, Refusal } from "../../../core/contract/reply.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import type { DiscordRest } from "../../fakes/discord-rest.ts";
import { type RecordedLog, recordedLog } from "../../fakes/log.ts";

/** The outbound half of the adapter, in front of the stand-in. */
export interface Bench {
  readonly sender: DiscordSender;
  readonly rest: Rest;
  readonly state: ChannelState;
  readonly deferrals: Deferrals;
  readonly log: RecordedLog;
  /** Sends all parts of a reply as the outbox does, at most `tries` times each; how each try ended. */
  deliver(
    target: ReplyTarget,
    reply: Answer | Refusal,
    options?: { readonly id?: string; readonly tries?: number },
  ): Promise<readonly SendOutcome["kind"][]>;
  close(): void;
}

export const newBench = (
  discord: DiscordRest,
  options: {
    readonly state?: ChannelState;
    readonly now?: () => Date;
    readonly timeoutMs?: number;
    /** Default: the stand-in's. */
    readonly token?: string | undefined;
  } = {},
): Bench => {
  const { state = memoryState(), now = () => new Date(), timeoutMs = 500 } = options;
  const token = "token" in options ? options.token : discord.token;
  const rest = createRest({ baseUrl: discord.apiBaseUrl, token, now, timeoutMs });
  const deferrals = createDeferrals();
  const log = recordedLog();
  const sender = createDiscordSender({
    ...{ rest, state, deferrals, log, now, apiBaseUrl: discord.apiBaseUrl, everyMs: 20 },
  });
  const { signal } = new AbortController();
  return {
    ...{ sender, rest, state, deferrals, log },
    deliver: async (target, reply, { id = "1", tries = 4 } = {}) => {
      const ends: SendOutcome["kind"][] = [];
      for (const [n, body] of sender.render(reply, target).entries()) {
        let isUnsure = false;
        for (let attempt = 1; attempt <= tries; attempt++) {
          const part = { id: `${id}.${n}`, target, body, attempt, isRepeat: false };
          const found: Reconciliation = isUnsure
            ? await sender.reconcile(part, signal)
            : { kind: "send" };
          const outcome: SendOutcome =
            found.kind === "send" ? await sender.send(part, signal) : found;
          ends.push(outcome.kind);
          if (outcome.kind === "delivered") break;
          if (outcome.kind === "refused") return ends;
          isUnsure ||= outcome.kind === "unknown";
          if (outcome.kind === "retry") {
            await new Promise((resolve) => setTimeout(resolve, Math.min(outcome.afterMs, 700)));
          }
        }
      }
      return ends;
    },
    close: () => {
      sender.stop();
      rest.close();
    },
  };
};
