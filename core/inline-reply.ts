import type { InlineReply } from "./contract/channel.ts";
import type { Log } from "./contract/log.ts";
import type { InlineRow, Outbox } from "./delivery/outbox.ts";

/** Makes replies that travel in a response, and writes down whether they arrived. */
export const createInlineReply =
  (outbox: Outbox, log: Log) =>
  (row: InlineRow, body: string): InlineReply => ({
    body,
    settled: (isComplete) => {
      outbox.inlineSettled(row, isComplete).catch((cause) => {
        log.error({ err: cause, inbox: row.inboxId }, "delivery of an inline reply not recorded");
      });
    },
  });
