import type { ChannelAdapter } from "./contract/channel.ts";
import type { Log } from "./contract/log.ts";
import type { Locale } from "./contract/model.ts";
import type { Answer, Refusal } from "./contract/reply.ts";
import type { InboxEntry } from "./delivery/inbox.ts";
import { refuse } from "./refuse.ts";

/** The reply's parts, or why there are none. */
export const renderReply = (
  adapter: ChannelAdapter | undefined,
  { id, message }: InboxEntry,
  reply: Answer | Refusal,
  locale: Locale,
  log: Log,
): readonly string[] | string => {
  if (!adapter) return `channel ${message.channel} is switched off`;
  const rendered = (candidate: Answer | Refusal): readonly string[] | undefined => {
    try {
      return adapter.render(candidate, message.target);
    } catch (cause) {
      const fields = { err: cause, inbox: id, alert: "reply_not_renderable" };
      log.error(fields, "reply cannot be rendered");
      return undefined;
    }
  };
  // A reply that cannot be rendered will not be rendered by doing its turn again, either.
  return rendered(reply) ?? rendered(refuse("INTERNAL", locale)) ?? "its reply cannot be rendered";
};
