import type { OutboundPart } from "../../core/contract/channel.ts";
import { nonceOf } from "./nonce.ts";
import { fromBody, type Outgoing } from "./outgoing.ts";
import { isPayload, textIn } from "./payload.ts";
import type { RestOutcome } from "./rest.ts";
import type { Question } from "./shown.ts";
import { type DiscordTarget, readTarget } from "./target.ts";

/** One message of an answer on its way. */
export interface Sending {
  readonly part: OutboundPart;
  readonly target: DiscordTarget;
  readonly outgoing: Outgoing;
  readonly signal: AbortSignal;
}

export const sendingOf = (part: OutboundPart, signal: AbortSignal): Sending => ({
  part,
  signal,
  target: readTarget(part.target),
  outgoing: fromBody(part.body),
});

/**
 * What a part is posted with. Names the question too, because ids of parts begin anew with a new
 * store, and what a nonce was used for is remembered elsewhere.
 */
export const nonceOfPart = ({ part, target }: Sending): string =>
  nonceOf(`${target.channelId}/${target.replyTo}/${part.id}`);

/** What the beginning of an answer is posted with before the answer is whole. */
export const nonceOfUnfinished = ({ channelId, replyTo }: Question): string =>
  nonceOf(`${channelId}/${replyTo}/unfinished`);

/** The id of the message that a call has created. */
export const createdId = (outcome: RestOutcome): string | undefined =>
  outcome.kind === "ok" && isPayload(outcome.body) ? textIn(outcome.body, "id") : undefined;
