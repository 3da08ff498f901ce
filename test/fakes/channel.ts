import type {
  ChannelAdapter,
  OutboundPart,
  Reconciliation,
  SendOutcome,
} from "../../core/contract/channel.ts";

export interface FakeChannel extends ChannelAdapter {
  /** Every send, in order, also those that did not end well. */
  readonly sent: OutboundPart[];
  /** What the next sends shall end in; when used up: delivered. */
  readonly outcomes: (SendOutcome | Promise<SendOutcome>)[];
  /** Every question whether an earlier try arrived, in order. */
  readonly asked: OutboundPart[];
  /** What the next questions shall be answered with; when used up: send it again. */
  readonly answers: (Reconciliation | Promise<Reconciliation>)[];
  render: ChannelAdapter["render"];
}

/** A platform without a network; a body is split at every "|". */
export const fakeChannel = (name = "test"): FakeChannel => {
  const sent: OutboundPart[] = [];
  const outcomes: FakeChannel["outcomes"] = [];
  const asked: OutboundPart[] = [];
  const answers: FakeChannel["answers"] = [];
  return {
    name,
    sent,
    outcomes,
    asked,
    answers,
    webhooks: new Map(),
    start: async () => {},
    stop: async () => {},
    render: (reply) => reply.markdown.split("|"),
    send: async (part) => {
      sent.push(part);
      return outcomes.shift() ?? { kind: "delivered" };
    },
    reconcile: async (part) => {
      asked.push(part);
      return answers.shift() ?? { kind: "send" };
    },
  };
};
