import type { ChannelAdapter, OutboundPart, SendOutcome } from "../../core/contract/channel.ts";

export interface FakeChannel extends ChannelAdapter {
  /** Every send, in order, also those that did not end well. */
  readonly sent: OutboundPart[];
  /** What the next sends shall end in; when used up: delivered. */
  readonly outcomes: (SendOutcome | Promise<SendOutcome>)[];
  render: ChannelAdapter["render"];
}

/** A platform without a network; a body is split at every "|". */
export const fakeChannel = (name = "test"): FakeChannel => {
  const sent: OutboundPart[] = [];
  const outcomes: (SendOutcome | Promise<SendOutcome>)[] = [];
  return {
    name,
    sent,
    outcomes,
    webhooks: new Map(),
    start: async () => {},
    stop: async () => {},
    render: (reply) => reply.markdown.split("|"),
    send: async (part) => {
      sent.push(part);
      return outcomes.shift() ?? { kind: "delivered" };
    },
  };
};
