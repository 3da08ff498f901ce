import { channel } from "node:diagnostics_channel";

/**
 * Named points on the way of a message, in their usual order:
 * - `received`: a channel handed it in; nothing is stored
 * - `stored`: durable in the inbox; a redelivery does not pass here
 * - `acknowledged`: the response to a webhook was completely written
 * - `running`: its turn was claimed
 * - `model_answered`: the model answered; once for each time that it was asked
 * - `reply_stored`: the reply, or that there is none, is durable
 * - `sending`: one part goes to the platform
 * - `sent`: the platform took that part; nothing says so in the store yet
 * - `delivered`: that a part arrived is recorded
 */
export type TracePoint =
  | "received"
  | "stored"
  | "acknowledged"
  | "running"
  | "model_answered"
  | "reply_stored"
  | "sending"
  | "sent"
  | "delivered";

/** What a subscriber of `clawgate.message` gets; ids only, never a person's text. */
export interface TraceEvent {
  readonly point: TracePoint;
  /** The platform's id of the message, where it is at hand. */
  readonly messageId: string | undefined;
  /** Id of its row in the inbox, where it is at hand. */
  readonly inboxId: number | undefined;
}

const messages = channel("clawgate.message");

/** Whether anybody listens: to be asked where following a message costs something by itself. */
export const isTraced = (): boolean => messages.hasSubscribers;

/**
 * Tells subscribers of the diagnostics channel `clawgate.message` that a message has come this far.
 * The seam for whoever watches from outside: tracing, and tests that end the process at a point.
 * Subscribers are called at once, within this call. Without one it costs a comparison.
 * @see https://nodejs.org/api/diagnostics_channel.html
 */
export const trace = (point: TracePoint, messageId?: string, inboxId?: number): void => {
  if (!messages.hasSubscribers) return;
  messages.publish({ point, messageId, inboxId } satisfies TraceEvent);
};
